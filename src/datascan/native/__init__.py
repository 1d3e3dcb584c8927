"""Inner loops, in C if a compiler was available when datascan was installed.

``fallback``, ``record_loops``, ``leaf_pages`` (NumPy), ``picture_loops`` and ``table_blocks``
(Python) are the reference implementations; ``kernels.c``, ``epoch.c``, ``records.c``,
``leaves.c``, ``pictures.c`` and ``tables.c`` return bit-identical results in a fraction of the
time.
``DATASCAN_PLAIN=1`` in the environment selects the reference implementations.
"""

from __future__ import annotations

import os
from contextlib import suppress
from types import ModuleType, SimpleNamespace
from typing import Any

from datascan.native import fallback


def select_loops() -> Any:
    """The functions in C, or the reference implementations if they were not built."""
    if not os.environ.get("DATASCAN_PLAIN"):
        with suppress(ImportError):  # not built
            from datascan.native import (  # noqa: PLC0415  (absent without a compiler)
                epoch,
                kernels,
                leaves,
                pictures,
                records,
                tables,
            )

            return join(epoch, kernels, leaves, pictures, records, tables)
    from datascan.native import (  # noqa: PLC0415  (one imports a library)
        leaf_pages,
        picture_loops,
        record_loops,
        table_blocks,
    )

    return join(table_blocks, record_loops, leaf_pages, picture_loops, fallback)


def join(*modules: ModuleType) -> SimpleNamespace:
    """The names of all modules; those of the last one win."""
    return SimpleNamespace(**{name: value for one in modules for name, value in vars(one).items()})


loops: Any = select_loops()
"""The implementation in use; it has the functions of all reference implementations."""

LANGUAGE = "c" if loops.add_exactly is not fallback.add_exactly else "numpy"
"""What it is written in."""
