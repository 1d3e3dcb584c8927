import numpy as np
from numpy.typing import NDArray

def free_runs(codes: NDArray[np.int64], classes: int, out: NDArray[np.int64]) -> None: ...
def count_batches(
    codes: NDArray[np.int64], classes: int, size: int, out: NDArray[np.int64]
) -> None: ...
