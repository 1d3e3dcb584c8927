"""What a text file is that parses but is neither a net nor a solver, in words."""

from __future__ import annotations

from collections.abc import Collection

KINDS: tuple[tuple[str, frozenset[str]], ...] = (
    ("a label map", frozenset({"item"})),
    ("a Caffe2 net", frozenset({"op"})),
    ("a TensorFlow graph", frozenset({"node"})),
    ("a training pipeline of TensorFlow", frozenset({"model", "train_config"})),
    ("a configuration of an inference server", frozenset({"platform", "max_batch_size"})),
    ("a configuration of an inference server", frozenset({"max_batch_size", "input"})),
    ("a tokenizer", frozenset({"trainer_spec"})),
    ("a tokenizer", frozenset({"pieces"})),
    ("a checkpoint index of TensorFlow", frozenset({"model_checkpoint_path"})),
    ("a list of embeddings for TensorBoard", frozenset({"embeddings"})),
    ("a mean or a blob", frozenset({"num", "channels", "height", "width"})),
)
"""What files of protobuf text are called, and fields that they have at the top level."""

MAX_NAMES = 5


def describe_kind(names: Collection[str]) -> str:
    """What a file is that has fields of these names at the top level, with "it"."""
    if not names:
        return "it is empty"
    for kind, own in KINDS:
        if own <= set(names):
            return f"it is {kind}"
    if set(names) <= {"name", "input", "input_dim", "input_shape", "state", "force_backward"}:
        return "it is a net without layers"
    shown = ", ".join(sorted(names)[:MAX_NAMES])
    more = len(names) - MAX_NAMES
    return f"its fields are {shown}" + (f" and {more:,} more" if more > 0 else "")
