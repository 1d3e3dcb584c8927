"""An InfogainLoss does not have a usable matrix.

What it is
    InfogainLoss weights every pair of true class and output by a matrix H. It reads H from the file
    ``infogain_loss_param { source }``, a binary BlobProto, or from a third bottom. Here there is
    neither, or the file does not hold a square matrix of finite, non-negative numbers with one row
    per output.

Why it breaks training
    Without a matrix, a check ends Caffe before the first iteration. A NaN or Inf in it makes the
    loss NaN as soon as a record of its row comes up, perhaps once per epoch. A negative weight
    rewards wrong outputs without bound, and the loss falls until it is NaN. The usual cause is a
    matrix computed as 1/frequency, which holds Inf for a class that does not occur.

How to find the cause
    The message says what is wrong with the matrix and where. An Inf is in the row of a class that
    had no records when the matrix was made; a wrong size means a different number of classes.

How to fix it
    Make the matrix again for the classes of this net, with 0 for classes that do not occur, and
    write it with ``caffe.io.array_to_blobproto(H.reshape(1, 1, n, n)).SerializeToString()``.

Example
    ``layer loss: matrix H.binaryproto is 8x8, but layer ip2 has 10 outputs``

Limits
    A third bottom is not checked. If the number of outputs is unknown, any square matrix is
    accepted.

Source
    Caffe, src/caffe/layers/infogain_loss_layer.cpp: LayerSetUp reads it, Reshape checks its size.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from datascan.caffe.net.graph import Layer, View
from datascan.caffe.net.infogain import read_matrix
from datascan.caffe.net.sources import locate
from datascan.caffe.rules.base import NetContext, NetRule
from datascan.checks.base import Issue
from datascan.config.options import Severity
from datascan.executors.select import isolate


class LossNeedsMatrix(NetRule):
    """An InfogainLoss does not have a usable matrix."""

    rule = "loss-needs-matrix"
    title = "Loss lacks its table of weights"
    severity = Severity.ERROR
    fix = "provide a square matrix of finite numbers >= 0, with one row per output of the net"

    def evaluate(self, context: NetContext) -> Iterator[Issue]:
        """What is wrong with the matrix of every InfogainLoss that reads it from a file."""
        for view in context.training.views:
            for layer in view.of_type("InfogainLoss"):
                if len(layer.bottoms) < 3:
                    for text in self._find_faults(view, layer, context):
                        yield self.net_issue(layer.name, text)

    def _find_faults(self, view: View, layer: Layer, context: NetContext) -> Iterator[str]:
        """What is wrong with the matrix of a layer."""
        given = str(layer.param("infogain_loss_param").source)
        if not given:
            yield "has no matrix: neither infogain_loss_param { source } nor a third bottom"
            return
        path, tried = locate(given, context.training.places)
        if path is None:
            yield f"matrix {given} does not exist (tried {', '.join(map(str, tried))})"
            return
        outputs = view.outputs(layer)
        wanted = None if outputs is None else (outputs[0], outputs[1].name)
        # It takes four times its size in memory, and any file may be named.
        with isolate(inspect_matrix, matrix_not_read, context.run) as inspect:
            yield from inspect(MatrixFile(path, given, wanted))


class MatrixFile(Struct, frozen=True):
    """A matrix: its path, its name in the net, and the number and layer of the net's outputs."""

    path: Path
    name: str
    outputs: tuple[int, str] | None


def inspect_matrix(file: MatrixFile) -> list[str]:
    """What is wrong with a matrix."""
    try:
        matrix = read_matrix(file.path)
    except ValueError as error:
        return [f"matrix {file.name} {error}"]
    except OSError as error:
        return [f"matrix {file.name} cannot be read: {error.strerror}"]
    return list(find_matrix_faults(matrix, file.name, file.outputs))


def matrix_not_read(file: MatrixFile, reason: str) -> list[str]:
    """What is said of a matrix that crashes its reader or exceeds a limit."""
    return [f"matrix {file.name} cannot be read: {reason}"]


def find_matrix_faults(
    matrix: NDArray[np.float64], name: str, outputs: tuple[int, str] | None
) -> Iterator[str]:
    """What is wrong with the size and the numbers of a matrix."""
    size = "x".join(map(str, matrix.shape))
    if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1]:
        yield f"matrix {name} is {size}, not square"
    elif outputs is not None and outputs[0] != len(matrix):
        yield f"matrix {name} is {size}, but layer {outputs[1]} has {outputs[0]:,} outputs"
    for bad, adjective in ((~np.isfinite(matrix), "not finite"), (matrix < 0, "negative")):
        count = int(np.count_nonzero(bad))
        if count:
            place = [int(i) for i in np.argwhere(bad)[0]]
            verb = "is" if count == 1 else "are"
            yield (
                f"{count:,} of {matrix.size:,} numbers of matrix {name} {verb} {adjective}, "
                f"the first at {place}: {matrix[tuple(place)]:g}"
            )
