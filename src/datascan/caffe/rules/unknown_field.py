"""A field of a net or solver that Caffe does not have.

What it is
    The prototxt sets a field that the message does not have in Caffe 1.0: a misspelling, a field at
    the wrong place, or one of a fork of Caffe.

Why it breaks training
    Caffe refuses the whole file ("has no field named"), so the run never starts. A converter or
    another reader that passes over unknown fields, as datascan does, goes on with the default
    instead: ``pooling_param { kernel: 3 }`` gives no kernel, ``lr_mlt: 0`` trains a layer that
    should stand still.

How to find the cause
    The message names the field, the line and the nearest field that Caffe has there. If it has none
    like it, look whether the field belongs to the message around, or to a layer of a fork.

How to fix it
    Write the field as Caffe does. For a net that is made for a fork, ignore this rule.

Example
    ``layer pool5: pooling_param has no field kernel (train_val.prototxt:42): it is kernel_size``

Limits
    The fields are those of BVLC Caffe 1.0; what is inside an unknown field, or inside a message
    that datascan does not look at (fillers of rare layers), is not checked.

Source
    Caffe, src/caffe/proto/caffe.proto; src/caffe/util/io.cpp: ReadProtoFromTextFile.
"""

from __future__ import annotations

from collections.abc import Iterator

from datascan.caffe.rules.base import SOLVER, NetContext, NetRule
from datascan.checks.base import Issue
from datascan.config.options import Severity


class UnknownField(NetRule):
    """A field that Caffe does not have: it would refuse the file."""

    rule = "unknown-field"
    severity = Severity.WARNING
    fix = "write the field as Caffe does; for a net of a fork of Caffe, ignore this rule"

    def evaluate(self, evidence: NetContext) -> Iterator[Issue]:
        """Every unknown field, in the order of the files."""
        solver = evidence.training.solver
        for path, field in evidence.training.unknown:
            whole = SOLVER if solver and path == solver.path else "net"
            where = field.within or ("the " + whole)
            text = f"{where} has no field {field.name} ({path.name}:{field.line})"
            if field.understood:
                text += f": it is {field.nearest}; Caffe would refuse it, here it is taken as meant"
            elif field.nearest:
                text += f"; did you mean {field.nearest}?"
            yield self.net_issue(field.owner or whole, text)
