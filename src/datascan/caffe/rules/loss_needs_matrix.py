"""An InfogainLoss has no usable matrix.

What it is
    InfogainLoss weighs every pair of true class and output by a matrix H. It takes H from the file
    ``infogain_loss_param { source }``, a binary BlobProto, or from a third bottom. Here there is
    neither, or the file does not hold a square matrix of finite numbers of at least 0, as many a
    side as there are outputs.

Why it breaks training
    Without a matrix Caffe ends with a check before the first iteration. A NaN or Inf in it makes
    the loss NaN as soon as a record of its row comes up, perhaps once in an epoch; a negative
    weight rewards wrong outputs without bound, and the loss falls until it is NaN. Matrices made as
    1/frequency hold Inf for a class that does not occur: this is the usual cause.

How to find the cause
    The message says what is wrong with the matrix and where. An Inf stands in the row of a class
    that had no record when the matrix was made; a wrong size means another number of classes.

How to fix it
    Make the matrix again, for the classes of this net, with classes that do not occur at 0; write
    it by ``caffe.io.array_to_blobproto(H.reshape(1, 1, n, n)).SerializeToString()``.

Example
    ``layer loss: matrix H.binaryproto is 8x8, and layer ip2 has 10 outputs``

Limits
    A third bottom is taken as it is. Where the number of outputs is not known, any square matrix
    will do.

Source
    Caffe, src/caffe/layers/infogain_loss_layer.cpp: LayerSetUp reads it, Reshape checks its size.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from datascan.caffe.net.graph import Layer, View
from datascan.caffe.net.infogain import read_matrix
from datascan.caffe.net.sources import locate
from datascan.caffe.rules.base import NetContext, NetRule
from datascan.checks.base import Issue
from datascan.config.options import Severity


class LossNeedsMatrix(NetRule):
    """An InfogainLoss lacks its matrix, or has an unusable one."""

    rule = "loss-needs-matrix"
    severity = Severity.ERROR
    fix = "give a square matrix of finite numbers >= 0, as many a side as the loss has outputs"

    def evaluate(self, evidence: NetContext) -> Iterator[Issue]:
        """What is wrong with the matrix of every InfogainLoss that takes it from a file."""
        for view in evidence.training.views:
            for layer in view.of_type("InfogainLoss"):
                if len(layer.bottoms) < 3:
                    for text in self._faults(view, layer, evidence):
                        yield self.net_issue(layer.name, text)

    def _faults(self, view: View, layer: Layer, evidence: NetContext) -> Iterator[str]:
        """What is wrong with the matrix of a layer."""
        given = str(layer.param("infogain_loss_param").source)
        if not given:
            yield "has no matrix: neither infogain_loss_param { source } nor a third bottom"
            return
        path, tried = locate(given, evidence.training.places)
        if path is None:
            yield f"matrix {given} does not exist (looked for {', '.join(map(str, tried))})"
            return
        try:
            matrix = read_matrix(path)
        except ValueError as error:
            yield f"matrix {given} {error}"
        except OSError as error:
            yield f"matrix {given} cannot be read: {error.strerror}"
        else:
            yield from faults_of(matrix, given, view.outputs(layer))


def faults_of(
    matrix: NDArray[np.float64], name: str, outputs: tuple[int, Layer] | None
) -> Iterator[str]:
    """What is wrong with the size and with the numbers of a matrix."""
    size = "x".join(map(str, matrix.shape))
    if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1]:
        yield f"matrix {name} is {size}, not square"
    elif outputs is not None and outputs[0] != len(matrix):
        yield f"matrix {name} is {size}, and layer {outputs[1].name} has {outputs[0]:,} outputs"
    for wrong, what in ((~np.isfinite(matrix), "not finite"), (matrix < 0, "negative")):
        count = int(np.count_nonzero(wrong))
        if count:
            place = [int(i) for i in np.argwhere(wrong)[0]]
            verb = "is" if count == 1 else "are"
            yield (
                f"{count:,} of {matrix.size:,} numbers of matrix {name} {verb} {what}, "
                f"the first at {place}: {matrix[tuple(place)]:g}"
            )
