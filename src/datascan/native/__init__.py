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

from datascan.native import fallback, table_blocks

loops: Any = SimpleNamespace(**(vars(table_blocks) | vars(fallback)))
"""The implementation in use; it has the functions of ``fallback`` and ``table_blocks``."""

if not os.environ.get("DATASCAN_PLAIN"):
    with suppress(ImportError):  # not built
        from datascan.native import epoch, kernels, tables

        loops = SimpleNamespace(**(vars(epoch) | vars(kernels) | vars(tables)))
