"""Inner loops, in C if a compiler was available when datascan was installed.

``fallback``, ``record_loops`` (NumPy) and ``table_blocks`` (Python) are the reference
implementations; ``kernels.c``, ``epoch.c``, ``records.c`` and ``tables.c`` return bit-identical
results in a fraction of the time.
``DATASCAN_PLAIN=1`` in the environment selects the reference implementations.
"""

from __future__ import annotations

import os
from contextlib import suppress
from types import SimpleNamespace
from typing import Any

from datascan.native import fallback


def select_loops() -> Any:
    """The functions in C, or the reference implementations if they were not built."""
    if not os.environ.get("DATASCAN_PLAIN"):
        with suppress(ImportError):  # not built
            from datascan.native import (  # noqa: PLC0415  (absent without a compiler)
                epoch,
                kernels,
                records,
                tables,
            )

            return SimpleNamespace(**(vars(epoch) | vars(kernels) | vars(records) | vars(tables)))
    from datascan.native import record_loops, table_blocks  # noqa: PLC0415  (imports a library)

    return SimpleNamespace(**(vars(table_blocks) | vars(record_loops) | vars(fallback)))


loops: Any = select_loops()
"""The implementation in use; it has the functions of all reference implementations."""

LANGUAGE = "c" if loops.add_exactly is not fallback.add_exactly else "numpy"
"""What it is written in."""
