from typing import Any

import numpy as np
from numpy.typing import NDArray

def measure_records(
    source: NDArray[np.uint8],
    offsets: NDArray[np.int64],
    length: int,
    places: NDArray[np.int64],
    literals: NDArray[np.uint8],
    label_offset: int,
    label_bytes: int,
    payload_offset: int,
    kind: str,
    width: int,
    labels: NDArray[np.int64],
    matches: NDArray[np.uint8],
    low: NDArray[Any],
    high: NDArray[Any],
    totals: NDArray[np.float64],
    squares: NDArray[np.float64],
    mixed: NDArray[np.uint64],
) -> None: ...
def key_numbers(
    source: NDArray[np.uint8],
    offsets: NDArray[np.int64],
    lengths: NDArray[np.int64],
    prefix: NDArray[np.uint8],
    out: NDArray[np.int64],
) -> None: ...
