"""Inner loops, in C if a compiler was available when datascan was installed.

``fallback`` is the reference implementation in NumPy; ``kernels.c`` and ``epoch.c`` return
bit-identical results in a fraction of the time. ``DATASCAN_PLAIN=1`` in the environment selects
``fallback``. ``tables.c`` reads LevelDB tables; see ``datascan.readers.leveldb.tables``.
"""

from __future__ import annotations

import os
from contextlib import suppress
from types import SimpleNamespace
from typing import Any

from datascan.native import fallback

loops: Any = fallback
"""The implementation in use; it has the functions of ``fallback``."""

if not os.environ.get("DATASCAN_PLAIN"):
    with suppress(ImportError):  # not built
        from datascan.native import epoch, kernels

        loops = SimpleNamespace(**(vars(epoch) | vars(kernels)))
