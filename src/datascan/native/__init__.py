"""Inner loops, compiled where a C compiler was at hand when datascan was installed.

``plain`` says in NumPy what each of them does; ``kernels.c`` does the same, to the last bit, in a
fraction of the time. ``DATASCAN_PLAIN=1`` in the environment chooses ``plain``.
"""

from __future__ import annotations

import os
from typing import Any

from datascan.native import plain


def chosen() -> Any:
    """The compiled module, or ``plain`` where there is none."""
    if os.environ.get("DATASCAN_PLAIN"):
        return plain
    try:
        from datascan.native import kernels  # noqa: PLC0415  (there may be none)
    except ImportError:
        return plain
    return kernels


loops = chosen()
"""Where the functions of ``plain`` are to be taken from."""
