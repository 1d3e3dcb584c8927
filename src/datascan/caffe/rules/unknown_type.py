"""A layer or solver has a misspelt type.

What it is
    The type differs from one that Caffe has by a letter or two, by its case, or by the format that
    it is written in: Convolutoin, Relu, CONVOLUTION in a ``layer``. Or a layer has no type.

Why it breaks training
    Caffe ends at once with "Unknown layer type", and lists those that it has. Tools that skip what
    they do not know, as datascan does, leave the layer out instead.

How to find the cause
    The message names the layer, its type and the type that is meant.

How to fix it
    Use Caffe's name of the type, with the same case.

Example
    ``layer conv1: type Convolutoin is unknown to Caffe; did you mean Convolution?``

Limits
    A type that is not close to one of Caffe's is taken for that of a fork: see ``not-understood``.
    If you have a layer whose name is that close to one of Caffe's, ignore this rule.

Source
    Caffe, include/caffe/layer_factory.hpp: CreateLayer; src/caffe/util/upgrade_proto.cpp.
"""

from __future__ import annotations

from collections.abc import Iterator

from datascan.caffe.net.graph import Layer
from datascan.caffe.net.layer_types import find_meant_type
from datascan.caffe.net.understanding import find_meant_solver
from datascan.caffe.rules.base import SOLVER, NetContext, NetRule
from datascan.checks.base import Issue
from datascan.config.options import Severity


class UnknownType(NetRule):
    """The type of a layer or of the solver is misspelt, so that Caffe does not start."""

    rule = "unknown-type"
    title = "Misspelt type of layer"
    severity = Severity.ERROR
    fix = "write the type as Caffe does"

    def evaluate(self, context: NetContext) -> Iterator[Issue]:
        """Every layer with a misspelt type, or with none, and the solver."""
        for view in context.training.views:
            for layer in view.layers:
                if text := describe_type(layer):
                    yield self.net_issue(layer.name, text)
        solver = context.training.solver
        if solver is not None and (meant := find_meant_solver(solver.type)):
            text = f"type {solver.type} is unknown to Caffe; did you mean {meant}?"
            yield self.net_issue(SOLVER, text)


def describe_type(layer: Layer) -> str | None:
    """What is wrong with the type of a layer; None if Caffe or a fork has it."""
    if not layer.type:
        return "has no type: Caffe would reject it"
    meant = find_meant_type(layer.type)
    if meant is None:
        return None
    return f"type {layer.type} is unknown to Caffe; did you mean {meant}?"
