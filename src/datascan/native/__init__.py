"""Inner loops, compiled where a C compiler was at hand when datascan was installed.

``plain`` says in NumPy what each of them does; ``kernels.c`` and ``epoch.c`` do the same, to the
last bit, in a fraction of the time. ``DATASCAN_PLAIN=1`` in the environment chooses ``plain``.
``tables.c`` stands for LevelDB itself, see ``datascan.leveldb.tables``.
"""

from __future__ import annotations

import os
from types import SimpleNamespace
from typing import Any

from datascan.native import plain


def chosen() -> Any:
    """The compiled functions, or ``plain`` where they are not."""
    if os.environ.get("DATASCAN_PLAIN"):
        return plain
    try:
        from datascan.native import epoch, kernels  # noqa: PLC0415  (there may be none)
    except ImportError:
        return plain
    return SimpleNamespace(**(vars(epoch) | vars(kernels)))


loops = chosen()
"""Where the functions of ``plain`` are to be taken from."""
