"""Inner loops, in C if a compiler was available when datascan was installed.

``fallback`` (NumPy) and ``table_blocks`` (Python) are the reference implementations; ``kernels.c``,
``epoch.c`` and ``tables.c`` return bit-identical results in a fraction of the time.
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
            from datascan.native import epoch, kernels, tables  # noqa: PLC0415  (absent without a compiler)

            return SimpleNamespace(**(vars(epoch) | vars(kernels) | vars(tables)))
    from datascan.native import table_blocks  # noqa: PLC0415  (imports a library)

    return SimpleNamespace(**(vars(table_blocks) | vars(fallback)))


loops: Any = select_loops()
"""The implementation in use; it has the functions of ``fallback`` and ``table_blocks``."""

LANGUAGE = "c" if loops.add_exactly is not fallback.add_exactly else "numpy"
"""What it is written in."""
