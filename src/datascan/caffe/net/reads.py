"""Every file that a training reads: nets, solver, datasets, matrices and means."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from datascan.caffe.net.sources import locate
from datascan.caffe.net.training import Training

FILE_FIELDS = frozenset({"source", "mean_file", "net", "train_net", "test_net", "weights"})
"""Fields of nets and solvers that name a file to read."""


def training_paths(training: Training | None) -> Iterator[Path]:
    """The paths that exist, some of them more than once; nothing for None."""
    if training is None:
        return
    for file in training.files:
        yield file.path
        for given in named_files(file.message):
            found, _ = locate(given, training.places)
            if found is not None:
                yield found
    yield from (source.path for source in training.sources if source.path is not None)


def named_files(message: Any) -> Iterator[str]:
    """The values of all such fields, at any depth."""
    for field, value in message.ListFields():
        if field.message_type is not None:
            for one in (value,) if hasattr(value, "ListFields") else value:
                yield from named_files(one)
        elif field.name in FILE_FIELDS:
            yield from filter(None, (value,) if isinstance(value, str) else value)
