from typing import Any

import numpy as np
from numpy.typing import NDArray

def decode_blocks(
    buffer: NDArray[np.uint8],
    handles: NDArray[Any],
    limit: int,
    every_version: bool,
    bounds: bytes,
    places: NDArray[Any],
    is_inclusive: bool,
) -> tuple[bytes, bytes, bytes, bytes]: ...
def decode_handles(data: bytes, rows: bytes, stop: int) -> bytes | None: ...
