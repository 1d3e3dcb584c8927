from typing import Any

import numpy as np
from numpy.typing import NDArray

def compute_stats(
    source: NDArray[np.uint8],
    offsets: NDArray[np.int64],
    kind: str,
    width: int,
    low: NDArray[Any],
    high: NDArray[Any],
    totals: NDArray[np.float64],
    squares: NDArray[np.float64],
    mixed: NDArray[np.uint64],
    sound: NDArray[np.uint8],
) -> None: ...
def add_exactly(values: NDArray[np.float64], limbs: NDArray[np.int64]) -> bool: ...
def gather(
    source: NDArray[np.uint8], offsets: NDArray[np.int64], width: int, out: NDArray[np.uint8]
) -> None: ...
def finish_fingerprints(
    mixed: NDArray[np.uint64],
    low: NDArray[Any],
    high: NDArray[Any],
    type_hash: int,
    out: NDArray[np.uint64],
) -> None: ...
def mark_repeated(numbers: NDArray[np.uint64], bits: int, out: NDArray[np.uint8]) -> None: ...
def unshuffle(planes: NDArray[np.uint8], size: int, out: NDArray[np.uint8]) -> None: ...
