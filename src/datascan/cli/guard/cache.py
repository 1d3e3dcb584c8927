"""The folder of a cache, which must not be in any dataset that a command reads."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from datascan.cli.internal_error import say

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from datascan.cli.guard.inputs import Inputs
    from datascan.config.options import Options


def options_outside(
    options_for: Callable[[Path], Options], inputs: Inputs
) -> Callable[[Path], Options]:
    """``options_for`` with the options that :func:`keep_out_of_data` leaves."""
    return lambda path: keep_out_of_data(options_for(path), inputs)


def keep_out_of_data(options: Options, inputs: Inputs) -> Options:
    """The options without a cache that would be inside of what is read, which is said.

    The scan of a dataset only knows that dataset, and not the others of the same command.
    """
    folder = options.run.cache
    if folder is None:
        return options
    with suppress(OSError, ValueError):  # a name that is impossible is the error of the scan
        if inputs.contain(folder / "any"):
            say(f"the cache is not used: {folder} is inside of a dataset that is scanned")
            return options.replace(cache=None)
    return options
