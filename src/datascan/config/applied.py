"""What a configuration file set for one scan: the first line of every report."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

from datascan.text import escape_control

MAX_NAMED = 6
"""The most values of one setting that the line names."""


class AppliedSetting(msgspec.Struct, frozen=True, omit_defaults=True):
    """A setting of the configuration that holds for the scan, as no flag overrides it."""

    name: Annotated[str, Meta(description="The key in the file.")]
    values: Annotated[
        tuple[str | int | float, ...], Meta(description="One unless it is a list or table.")
    ]
    silences: Annotated[
        str, Meta(description="How it hides findings or a part of the dataset, in words.")
    ] = ""

    def __repr__(self) -> str:
        return escape_control(super().__repr__())

    @property
    def text(self) -> str:
        """The setting in words: "ignores nan-value", "num_classes 10"."""
        return self.silences or f"{self.name} {list_values(self.values)}"


class AppliedConfiguration(msgspec.Struct, frozen=True):
    """The configuration file in use, and its settings that hold for the scan."""

    file: Annotated[str, Meta(description="Relative to the working folder, if it is inside.")]
    settings: Annotated[
        tuple[AppliedSetting, ...], Meta(description="Those that silence something first.")
    ] = ()

    def __repr__(self) -> str:
        return escape_control(super().__repr__())

    @property
    def silences(self) -> bool:
        """Whether it hides findings or a part of the dataset."""
        return any(setting.silences for setting in self.settings)

    @property
    def effect(self) -> str:
        """Its settings in one line; values may hold any characters."""
        none = () if self.silences else ("silences nothing",)
        return "; ".join((*none, *(setting.text for setting in self.settings)))

    @property
    def text(self) -> str:
        """The file and its settings in one line."""
        return f"configuration {self.file}: {self.effect}"


def list_values(values: tuple[str | int | float, ...]) -> str:
    """Values with commas; of many, only the first."""
    shown = ", ".join(map(str, values[:MAX_NAMED]))
    more = len(values) - MAX_NAMED
    return f"{shown} and {more:,} more" if more > 0 else shown
