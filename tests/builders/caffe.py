"""Small nets and solvers, and what the rules report about them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from datascan.caffe.net.infogain import blob_class
from datascan.caffe.scan_net import scan_net
from datascan.report.figures import Finding
from datascan.report.model import Report
from tests.builders.lmdb import datum, numbered, write_lmdb


def layer(name: str, kind: str, bottoms: str = "", tops: str = "", more: str = "") -> str:
    """A layer in the current format."""
    words = [f'name: "{name}" type: "{kind}"']
    words += [f'bottom: "{bottom}"' for bottom in bottoms.split()]
    words += [f'top: "{top}"' for top in tops.split()]
    return f"layer {{ {' '.join(words)} {more} }}\n"


def data(more: str = "", *, source: str = "train_lmdb", batch: int = 10, settings: str = "") -> str:
    """A Data layer that reads an LMDB into ``data`` and ``label``."""
    param = f'data_param {{ source: "{source}" batch_size: {batch} backend: LMDB {settings} }}'
    return layer("data", "Data", "", "data label", f"{param} {more}")


def inner(name: str, bottom: str, outputs: int, filler: str = 'type: "xavier"') -> str:
    """An InnerProduct layer."""
    param = f"num_output: {outputs} weight_filler {{ {filler} }}"
    return layer(name, "InnerProduct", bottom, name, f"inner_product_param {{ {param} }}")


def conv(name: str, bottom: str, outputs: int, kernel: int = 3, more: str = "") -> str:
    """A Convolution layer."""
    param = f"num_output: {outputs} kernel_size: {kernel} {more}"
    return layer(name, "Convolution", bottom, name, f"convolution_param {{ {param} }}")


def softmax_loss(bottom: str = "ip", label: str = "label", more: str = "") -> str:
    """A SoftmaxWithLoss layer."""
    return layer("loss", "SoftmaxWithLoss", f"{bottom} {label}", "loss", more)


TRAIN = "include { phase: TRAIN }"
TEST = "include { phase: TEST }"
FIXED = 'base_lr: 0.01 lr_policy: "fixed" max_iter: 100\n'


def small_net(**more: Any) -> str:
    """A net with one InnerProduct of four outputs."""
    return data(**more) + inner("ip", "data", 4) + softmax_loss()


def write_net(folder: Path, *parts: str, name: str = "train_val.prototxt") -> Path:
    """A prototxt in ``folder``."""
    path = folder / name
    path.write_text("".join(parts))
    return path


def scan_prototxt(folder: Path, *parts: str, solver: str | None = None, **options: Any) -> Report:
    """The report of a net; its data is scanned only if ``data`` is true."""
    path = write_net(folder, *parts)
    own = None if solver is None else write_net(folder, solver, name="solver.prototxt")
    return scan_net(path, own, **{"data": False, "workers": 0, **options})


def net_findings(report: Report, rule: str) -> list[tuple[str | None, str]]:
    """Key and detail of all findings of a rule about the net itself."""
    found = [finding for finding in report.findings if finding.rule == rule]
    assert all(example.index is None for one in found for example in one.examples)
    return [(one.examples[0].key, one.examples[0].detail) for one in found]


def rules(report: Report) -> set[str]:
    """The rules of all findings, about the net itself or its sources."""
    return {finding.rule for finding in all_findings(report)}


def all_findings(report: Report) -> list[Finding]:
    """The findings of a report and of its sources."""
    return [*report.findings, *(f for source in report.sources or () for f in source.findings)]


def write_datums(
    path: Path,
    labels: Any = None,
    *,
    count: int = 200,
    shape: tuple[int, int, int] = (3, 8, 8),
    kind: Any = np.uint8,
    seed: int = 0,
) -> Path:
    """An LMDB of random images; by default, the labels 0 to 3 alternate."""
    random = np.random.default_rng(seed)
    labels = np.arange(count) % 4 if labels is None else labels
    values = random.integers(0, 256, (len(labels), *shape)).astype(kind)
    pairs = zip(values, labels, strict=True)
    return write_lmdb(path, numbered([datum(image, int(label)) for image, label in pairs]))


def write_blob(path: Path, values: Any, *, legacy: bool = True) -> Path:
    """A matrix as a BlobProto, with legacy dimensions (num, channels, ...) or with a shape."""
    values = np.asarray(values, np.float64)
    blob = blob_class()()
    blob.data.extend(values.ravel().tolist())
    if legacy:
        blob.num, blob.channels = 1, 1
        blob.height, blob.width = values.shape
    else:
        blob.shape.dim.extend(values.shape)
    path.write_bytes(blob.SerializeToString())
    return path
