from typing import Any

import numpy as np
from numpy.typing import NDArray

def free_runs(
    codes: NDArray[np.signedinteger[Any]], classes: int, out: NDArray[np.signedinteger[Any]]
) -> None: ...
def count_batches(
    codes: NDArray[np.signedinteger[Any]], classes: int, size: int, out: NDArray[np.int64]
) -> None: ...
