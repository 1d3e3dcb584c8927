"""Event files of TensorBoard, as TensorFlow, Keras, PyTorch, Lightning and Transformers write them.

Sources: TensorFlow, tensorflow/core/util/event.proto, framework/summary.proto, tensor.proto,
types.proto; TensorBoard, plugins/scalar/metadata.py.
"""

from __future__ import annotations

import re
import struct

from msgspec import Struct

from datascan.logs.formats import wire
from datascan.logs.formats.framing import Records
from datascan.logs.formats.series import Series, is_wanted

EVENT_STEP, EVENT_SUMMARY = 2, 5
SUMMARY_VALUE = 1
VALUE_TAG, VALUE_SIMPLE, VALUE_TENSOR, VALUE_METADATA = 1, 2, 8, 9
METADATA_PLUGIN, PLUGIN_NAME = 1, 1
TENSOR_DTYPE, TENSOR_CONTENT = 1, 4
FORMATS = {1: "f", 2: "d", 3: "i", 9: "q", 19: "e"}
"""How ``struct`` calls the dtypes float, double, int32, int64 and half."""

BFLOAT16 = 14
PACKED = {5: "f", 6: "d"}
"""Fields of a tensor that hold floats and doubles."""

HALF_VALUES = 13
WHOLE_VALUES = (7, 10)
MAX_VALUES = 1_000_000
MAX_TAGS = 1000
SIGNS = re.compile(rb"loss|lr|rate|grad", re.IGNORECASE)
"""Events without any of these have no value that a diagnosis uses."""

MAX_TAG = 300


class Scalars(Struct):
    """Collects the scalars of event files into series.

    ``other`` are tags of other plugins than that of scalars, which only the first event of a tag
    names. ``unreadable`` counts the records that are not events.
    """

    series: Series
    prefix: str = ""
    other: set[str] = set()
    unreadable: int = 0
    count: int = 0

    @property
    def is_full(self) -> bool:
        """Whether as many values were read as ever will be."""
        return self.count >= MAX_VALUES

    def read(self, records: Records) -> None:
        """Read the events of a file, until there are ``MAX_VALUES`` values in all files."""
        for data in records:
            if self.is_full:
                return
            try:
                self.add_event(memoryview(data), wanted=SIGNS.search(data) is not None)
            except (ValueError, struct.error):
                self.unreadable += 1

    def add_event(self, event: memoryview, *, wanted: bool) -> None:
        """Add the scalars of an event if they are ``wanted``.

        Raises:
            ValueError: if it is damaged.
        """
        step, summaries = 0, []
        for number, kind, value, content in wire.iter_fields(event):
            if number == EVENT_STEP and kind == wire.VARINT:
                step = wire.signed(value)
            elif number == EVENT_SUMMARY and kind == wire.BYTES:
                summaries.append(content)
        for summary in summaries if wanted else ():
            for number, kind, _, content in wire.iter_fields(summary):
                if number == SUMMARY_VALUE and kind == wire.BYTES and not self.is_full:
                    self.count += 1
                    self.add_value(step, content)

    def add_value(self, step: int, message: memoryview) -> None:
        """Add a value if it is a scalar that a diagnosis uses."""
        tag, scalar, plugin = "", None, "scalars"
        for number, kind, _, content in wire.iter_fields(message):
            if number == VALUE_TAG and kind == wire.BYTES:
                tag = bytes(content[:MAX_TAG]).decode(errors="replace")
            elif number == VALUE_SIMPLE and kind == wire.FIXED32:
                scalar = unpack(content, "f")
            elif number == VALUE_TENSOR and kind == wire.BYTES:
                scalar = scalar_of(content)
            elif number == VALUE_METADATA and kind == wire.BYTES:
                plugin = plugin_of(content) or plugin
        name = self.prefix + tag
        if plugin != "scalars" and is_wanted(name):
            self.other.add(name)
        is_new = name not in self.series.current
        if is_new and len(self.series.current) >= MAX_TAGS:
            return
        if scalar is not None and step >= 0 and name not in self.other:
            self.series.add(step, name, scalar)


def plugin_of(metadata: memoryview) -> str:
    """The plugin that a value is for; empty if none is named."""
    for number, kind, _, content in wire.iter_fields(metadata):
        if number == METADATA_PLUGIN and kind == wire.BYTES:
            for inner, inner_kind, _, name in wire.iter_fields(content):
                if inner == PLUGIN_NAME and inner_kind == wire.BYTES:
                    return bytes(name[:MAX_TAG]).decode(errors="replace")
    return ""


def scalar_of(tensor: memoryview) -> float | None:
    """The only element of a tensor; None if it has none or several, or is not a number."""
    dtype, elements, content = 0, list[float](), memoryview(b"")
    for number, kind, value, data in wire.iter_fields(tensor):
        if number == TENSOR_DTYPE and kind == wire.VARINT:
            dtype = value
        elif number == TENSOR_CONTENT and kind == wire.BYTES:
            content = data
        elif number in (*PACKED, HALF_VALUES, *WHOLE_VALUES):
            elements += numbers_of(number, dtype, kind, value, data)
    if len(content):
        elements += content_of(dtype, content)
    return elements[0] if len(elements) == 1 else None


def content_of(dtype: int, content: memoryview) -> list[float]:
    """The elements in the raw content of a tensor, if it has one of a known type."""
    if dtype == BFLOAT16 and len(content) == 2:
        return [unpack(memoryview(b"\0\0" + bytes(content)), "f")]
    form = FORMATS.get(dtype)
    return [unpack(content, form)] if form and len(content) == struct.calcsize(form) else []


def numbers_of(number: int, dtype: int, kind: int, value: int, data: memoryview) -> list[float]:
    """Up to two elements in a field of a tensor; float16 and bfloat16 are stored as their bits."""
    if number in PACKED:
        size = struct.calcsize(PACKED[number])
        return [unpack(data[i : i + size], PACKED[number]) for i in range(0, len(data), size)][:2]
    whole = [value] if kind == wire.VARINT else [*wire.iter_varints(data[:20])][:2]
    if number in WHOLE_VALUES:
        return [float(wire.signed(one)) for one in whole]
    bits = [struct.pack("<H", one & 0xFFFF) for one in whole]
    return [element for two in bits for element in content_of(dtype, memoryview(two))]


def unpack(data: memoryview, form: str) -> float:
    """A little-endian number.

    Raises:
        struct.error: if the data has another size.
    """
    return float(struct.unpack(f"<{form}", data)[0])
