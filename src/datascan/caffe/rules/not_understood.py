"""A part of a net or solver is not understood, and was not checked.

What it is
    The net has types of layers, fields or values that Caffe 1.0 does not have, or its solver has a
    learning rate policy or a type of that kind. Nearly always they are those of a fork of Caffe,
    such as SSD's (PriorBox, Permute), NVCaffe or SegNet. One finding lists all of them.

Why it breaks training
    It does not, in the fork that the net was made for. But datascan has not checked these parts,
    nor can it compute the shapes after them, and rules that need those are silent: that there is
    no finding about a layer says nothing here. Caffe 1.0 itself refuses such a net.

How to find the cause
    If the net is meant for Caffe 1.0, search the file for the names in the message: a field may be
    in the wrong message (``num_output`` outside of ``convolution_param``).

How to fix it
    If you train with the fork, leave the net as it is, and check these layers against the fork's
    own documentation.

Example
    ``net: made for a fork of Caffe: layer types Normalize, Permute and PriorBox, and fields
    norm_param, permute_param and prior_box_param are not understood and were not checked``

Limits
    A name that is only a slip of one that Caffe has is reported as misspelt instead: see
    ``unknown-type``, ``unknown-field`` and ``lr-policy-incomplete``. Python layers are known to
    Caffe, but their code is not read.

Source
    Caffe 1.0, src/caffe/layer_factory.cpp, src/caffe/proto/caffe.proto.
"""

from __future__ import annotations

from collections.abc import Iterator

from datascan.caffe.net.understanding import find_not_understood
from datascan.caffe.rules.base import NET, SOLVER, NetContext, NetRule
from datascan.checks.base import Issue
from datascan.config.options import Severity


class NotUnderstood(NetRule):
    """Parts of a net or solver that only a fork of Caffe has: they were not checked."""

    rule = "not-understood"
    title = "Parts of the net were not checked"
    severity = Severity.INFO
    fix = "check these parts by hand; with Caffe 1.0 itself, such a net does not start"

    def evaluate(self, context: NetContext) -> Iterator[Issue]:
        """One issue for everything that is not understood."""
        found = find_not_understood(context.training)
        parts = list(found.parts())
        if not parts:
            return
        listed = ", and ".join([", ".join(parts[:-1]), parts[-1]] if len(parts) > 1 else parts)
        origin = "made for a fork of Caffe" if found.is_of_a_fork else "not of Caffe 1.0"
        verb = "is" if len(found.names) == 1 else "are"
        was = "was" if len(found.names) == 1 else "were"
        key = NET if found.types or found.fields or found.values else SOLVER
        yield self.net_issue(key, f"{origin}: {listed} {verb} not understood and {was} not checked")
