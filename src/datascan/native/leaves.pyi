import numpy as np
from numpy.typing import NDArray

def locate_entries(
    data: NDArray[np.uint8],
    pages: NDArray[np.int64],
    page_size: int,
    page_count: int,
    columns: NDArray[np.int64],
    counts: NDArray[np.int64],
) -> int: ...
def claim_pages(
    key_offsets: NDArray[np.int64],
    offsets: NDArray[np.int64],
    lengths: NDArray[np.int64],
    page_size: int,
    used: NDArray[np.uint8],
) -> bool: ...
