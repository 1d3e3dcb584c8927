from __future__ import annotations

import numpy as np
import pytest

from tests.builders.caffe import data, inner, layer, net_findings, scan_prototxt, write_blob

RULE = "loss-needs-matrix"
ABOVE = data() + inner("ip", "data", 4) + layer("prob", "Softmax", "ip", "prob")


def infogain(more: str, bottoms: str = "prob label") -> str:
    return ABOVE + layer("loss", "InfogainLoss", bottoms, "loss", more)


SOURCE = 'infogain_loss_param { source: "H.binaryproto" }'


def test_a_matrix_of_the_right_size(tmp_path):
    write_blob(tmp_path / "H.binaryproto", np.eye(4))
    assert scan_prototxt(tmp_path, infogain(SOURCE)).findings == []
    write_blob(tmp_path / "H.binaryproto", np.eye(4), legacy=False)
    assert scan_prototxt(tmp_path, infogain(SOURCE), root=tmp_path).findings == []


def test_a_third_bottom(tmp_path):
    assert scan_prototxt(tmp_path, infogain("", "prob label H")).findings == []


def test_no_matrix(tmp_path):
    ((key, detail),) = net_findings(scan_prototxt(tmp_path, infogain("")), RULE)
    assert key == "loss"
    assert detail.startswith("has no matrix")


def test_a_missing_file_is_named(tmp_path):
    ((_, detail),) = net_findings(scan_prototxt(tmp_path, infogain(SOURCE)), RULE)
    assert detail.startswith("matrix H.binaryproto does not exist")
    assert str(tmp_path / "H.binaryproto") in detail


@pytest.mark.parametrize(
    ("matrix", "detail"),
    [
        (np.eye(3), "matrix H.binaryproto is 3x3, but layer ip has 4 outputs"),
        (np.ones((4, 5)), "matrix H.binaryproto is 4x5, not square"),
        (
            np.diag([1, 1, np.inf, 1]),
            "1 of 16 numbers of matrix H.binaryproto is not finite, the first at [2, 2]: inf",
        ),
        (
            np.full((4, 4), np.nan),
            "16 of 16 numbers of matrix H.binaryproto are not finite, the first at [0, 0]: nan",
        ),
        (
            np.eye(4) - 0.5,
            "12 of 16 numbers of matrix H.binaryproto are negative, the first at [0, 1]: -0.5",
        ),
    ],
)
def test_matrices_that_cannot_be_used(tmp_path, matrix, detail):
    write_blob(tmp_path / "H.binaryproto", matrix)
    assert [text for _, text in net_findings(scan_prototxt(tmp_path, infogain(SOURCE)), RULE)] == [
        detail
    ]


@pytest.mark.parametrize("content", [b"", b"\xff\xff\xff", b"\x08\x04\x10\x04", b"no blob"])
def test_files_that_are_not_a_matrix(tmp_path, content):
    (tmp_path / "H.binaryproto").write_bytes(content)
    ((_, detail),) = net_findings(scan_prototxt(tmp_path, infogain(SOURCE)), RULE)
    assert detail.startswith("matrix H.binaryproto ")


def test_a_folder_in_its_place(tmp_path):
    (tmp_path / "H.binaryproto").mkdir()
    ((_, detail),) = net_findings(scan_prototxt(tmp_path, infogain(SOURCE)), RULE)
    assert "cannot be read" in detail
