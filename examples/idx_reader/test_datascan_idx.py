from __future__ import annotations

import struct

import numpy as np
from datascan_idx import IdxReader

from datascan.testing.reader_laws import ReaderLaws

IMAGES = np.random.default_rng(0).integers(0, 256, (300, 6, 5), np.uint8)


def write(folder, labels=300, images=IMAGES):
    """MNIST's two files; the path of the images."""
    folder.mkdir(exist_ok=True)
    path = folder / "train-images-idx3-ubyte"
    header = struct.pack(">4B3I", 0, 0, 8, 3, *images.shape)
    path.write_bytes(header + images.tobytes())
    values = bytes(i % 3 for i in range(labels))
    header = struct.pack(">4BI", 0, 0, 8, 1, labels)
    (folder / "train-labels-idx1-ubyte").write_bytes(header + values)
    return path


class TestIdx(ReaderLaws):
    reader, records = IdxReader, len(IMAGES)

    def build(self, path):
        return write(path)

    def test_labels_are_read(self, path):
        assert self.report(path).labels.counts == {"0": 100, "1": 100, "2": 100}

    def test_missing_labels_are_found(self, tmp_path):
        report = self.report(write(tmp_path / "few", labels=290))
        found = {finding.rule: finding.records for finding in report.findings}
        assert found["missing-label"] == 10

    def test_lost_images_are_counted(self, path):
        content = path.read_bytes()
        path.write_bytes(content[: 16 + 30 * 100 + 7])
        report = self.report(path)
        (finding,) = (f for f in report.findings if f.rule == "truncated-store")
        assert finding.records == 200
        assert report.dataset.records == 100

    def test_bytes_after_the_last_image_are_found(self, path):
        path.write_bytes(path.read_bytes() + b"more")
        assert [f.rule for f in self.report(path).findings] == ["damaged-store"]
