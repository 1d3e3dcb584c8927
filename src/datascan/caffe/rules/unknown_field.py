"""A field of a net or solver that Caffe does not have.

What it is
    The prototxt sets a field that its message does not have in Caffe 1.0: a misspelt field, a field
    in the wrong place, or one from a fork of Caffe.

Why it breaks training
    Caffe rejects the whole file ("has no field named"), so the run never starts. A converter or
    another reader that skips unknown fields, as datascan does, silently uses the default instead:
    ``pooling_param { kernel: 3 }`` sets no kernel, and ``lr_mlt: 0`` trains a layer that should be
    frozen.

How to find the cause
    The message names the field, the line and the nearest field that Caffe has there. If there is
    none, check whether the field belongs to the enclosing message or to a layer of a fork.

How to fix it
    Use Caffe's name of the field. If the net is made for a fork, ignore this rule.

Example
    ``layer pool5: pooling_param has no field kernel (train_val.prototxt:42): it is kernel_size``

Limits
    The fields are those of BVLC Caffe 1.0. The content of an unknown field, or of a message that
    datascan does not read (fillers of rare layers), is not checked.

Source
    Caffe, src/caffe/proto/caffe.proto; src/caffe/util/io.cpp: ReadProtoFromTextFile.
"""

from __future__ import annotations

from collections.abc import Iterator

from datascan.caffe.rules.base import SOLVER, NetContext, NetRule
from datascan.checks.base import Issue
from datascan.config.options import Severity


class UnknownField(NetRule):
    """A field that Caffe does not have, so that it would reject the file."""

    rule = "unknown-field"
    title = "Setting that Caffe does not know"
    severity = Severity.WARNING
    fix = "use Caffe's name of the field; for a net of a fork of Caffe, ignore this rule"

    def evaluate(self, context: NetContext) -> Iterator[Issue]:
        """Every unknown field, in the order of the files."""
        solver = context.training.solver
        for path, field in context.training.unknown:
            file_kind = SOLVER if solver and path == solver.path else "net"
            message = field.within or f"the {file_kind}"
            text = f"{message} has no field {field.name} ({path.name}:{field.line})"
            if field.understood:
                text += f": it is {field.nearest}; Caffe would reject it, datascan reads it as that"
            elif field.nearest:
                text += f"; did you mean {field.nearest}?"
            yield self.net_issue(field.owner or file_kind, text)
