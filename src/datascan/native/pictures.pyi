from typing import Any

import numpy as np
from numpy.typing import NDArray

def skip_segments(data: bytes | NDArray[np.uint8], offset: int) -> tuple[int, int, int]: ...
def measure_pixels(
    pixels: NDArray[Any], channels: int
) -> tuple[tuple[int, ...], tuple[int, ...], int, int]: ...
