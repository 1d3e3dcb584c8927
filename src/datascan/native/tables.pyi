from typing import Any

import numpy as np
from numpy.typing import NDArray

def decode_blocks(
    buffer: NDArray[np.uint8], handles: NDArray[Any], limit: int, every_version: bool
) -> tuple[bytes, bytes, bytes, bytes]: ...
