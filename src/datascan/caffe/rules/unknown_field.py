"""A field or value of a net or solver is misspelt.

What it is
    The prototxt sets a field that its message does not have in Caffe 1.0, but one of nearly the
    same name; or a value that is nearly one that the field can have.

Why it breaks training
    Caffe rejects the whole file ("has no field named"), so the run never starts. A converter or
    another reader that skips unknown fields, as datascan does, silently uses the default instead:
    ``pooling_param { kernel: 3 }`` sets no kernel, and ``lr_mlt: 0`` trains a layer that should be
    frozen.

How to find the cause
    The message names the field, the line and the field that Caffe has there.

How to fix it
    Use Caffe's name of the field. If a fork of Caffe has the field, ignore this rule.

Example
    ``layer pool5: pooling_param has no field kernel (train_val.prototxt:42): it is kernel_size``

Limits
    The fields are those of BVLC Caffe 1.0. A name that is not close to one of them is taken for a
    fork's, as are all fields in layers of a fork's type: see ``not-understood``. The content of an
    unknown field, or of a message that datascan does not read (fillers of rare layers), is not
    checked.

Source
    Caffe, src/caffe/proto/caffe.proto; src/caffe/util/io.cpp: ReadProtoFromTextFile.
"""

from __future__ import annotations

from collections.abc import Iterator

from datascan.caffe.net.prototxt import Unknown
from datascan.caffe.net.understanding import find_misspelt_fields
from datascan.caffe.rules.base import NET, SOLVER, NetContext, NetRule
from datascan.checks.base import Issue
from datascan.config.options import Severity


class UnknownField(NetRule):
    """A misspelt field or value, so that Caffe would reject the file."""

    rule = "unknown-field"
    title = "Misspelt setting"
    severity = Severity.WARNING
    fix = "use Caffe's name of the field; if your fork of Caffe has it, ignore this rule"

    def evaluate(self, context: NetContext) -> Iterator[Issue]:
        """Every misspelt field or value, in the order of the files."""
        solver = context.training.solver
        for path, unknown in find_misspelt_fields(context.training):
            file_kind = SOLVER if solver and path == solver.path else NET
            text = describe_slip(unknown, file_kind, f"{path.name}:{unknown.line}")
            yield self.net_issue(unknown.owner or file_kind, text)


def describe_slip(unknown: Unknown, file_kind: str, place: str) -> str:
    """What is misspelt where, and what is meant."""
    message = unknown.within or f"the {file_kind}"
    if unknown.value:
        text = f"{unknown.name} cannot be {unknown.value} ({place})"
        return f"{text}; did you mean {unknown.nearest}?"
    text = f"{message} has no field {unknown.name} ({place})"
    if unknown.understood:
        return f"{text}: it is {unknown.nearest}; Caffe would reject it, datascan reads it as that"
    return f"{text}; did you mean {unknown.nearest}?"
