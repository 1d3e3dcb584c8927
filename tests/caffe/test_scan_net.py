"""A net's sources are scanned with the net's own settings."""

from __future__ import annotations

import json
from pathlib import Path

import h5py
import jsonschema
import numpy as np
import pytest

import datascan
from datascan import session
from datascan.errors import UsageError
from datascan.report.model import Report
from datascan.report.schema import json_schema
from tests.builders.caffe import (
    FIXED,
    TEST,
    TRAIN,
    all_findings,
    conv,
    data,
    inner,
    layer,
    net_findings,
    rules,
    scan_prototxt,
    small_net,
    softmax_loss,
    write_datums,
    write_net,
)
from tests.builders.images import photo, write_tree
from tests.builders.leveldb import files

BELOW = inner("ip", "data", 4) + softmax_loss()
SCALED = "transform_param { scale: 0.00390625 }"


def scan(folder, *parts, **more):
    return scan_prototxt(folder, *parts, **{"data": True, **more})


def test_a_healthy_net(tmp_path):
    write_datums(tmp_path / "train_lmdb")
    report = scan(tmp_path, data(SCALED, batch=20) + BELOW, solver=FIXED)
    assert all_findings(report) == []
    assert report.passed
    assert report.complete
    assert (report.dataset.backend, report.dataset.layout) == ("net", "caffe-net")
    assert report.dataset.path == str(tmp_path / "train_val.prototxt")
    assert report.dataset.records == 200
    (source,) = report.sources
    assert (source.phase, source.batch_size, source.num_classes) == ("TRAIN", 20, 4)
    assert source.layer == "data"
    assert (source.labels.num_classes, source.labels.declared) == (4, True)
    assert [figures.batch_size for figures in source.batch_sizes] == [20]
    assert source.dataset.path == str(tmp_path / "train_lmdb")


def test_the_report_is_valid_and_round_trips(tmp_path):
    write_datums(tmp_path / "train_lmdb", [0, 1, 9])
    report = scan(tmp_path, data(TRAIN) + data(TEST, source="none") + BELOW)
    text = report.to_json()
    jsonschema.validate(json.loads(text), json_schema())
    assert Report.from_json(text) == report
    named = json.loads(text)["sources"][0]
    assert (named["phase"], named["batch_size"], named["num_classes"]) == ("TRAIN", 10, 4)


def test_a_plain_report_has_none_of_the_members_of_a_net(tmp_path):
    path = write_datums(tmp_path / "train_lmdb")
    members = json.loads(datascan.scan(path, workers=0).to_json())
    assert not {"sources", "phase", "batch_size", "num_classes", "layer"} & set(members)


def test_iter_size_multiplies_the_batch_of_training(tmp_path):
    write_datums(tmp_path / "train_lmdb")
    write_datums(tmp_path / "test_lmdb", seed=1)
    net = data(TRAIN, batch=10) + data(TEST, source="test_lmdb", batch=8) + BELOW
    report = scan(tmp_path, net, solver=FIXED + "iter_size: 3")
    sizes = [[figures.batch_size for figures in source.batch_sizes] for source in report.sources]
    assert sizes == [[30], [8]]
    assert [source.batch_size for source in report.sources] == [10, 8]


def test_labels_beyond_the_outputs(tmp_path):
    labels = np.arange(80) % 4
    labels[[17, 40]] = 4, -1
    write_datums(tmp_path / "train_lmdb", labels)
    report = scan(tmp_path, small_net(batch=40))
    assert not report.passed
    assert "label-out-of-range" not in rules(report)
    (found,) = (f for f in report.sources[0].findings if f.rule == "label-beyond-outputs")
    assert (found.severity, found.records) == ("error", 2)
    assert [(e.index, e.key, e.detail) for e in found.examples] == [
        (17, "00000017", "label 4"),
        (40, "00000040", "label -1"),
    ]
    assert found.message == ("2 labels are outside 0..3: layer ip, which loss reads, has 4 outputs")
    assert scan(tmp_path, small_net(batch=40), ignore=["label-beyond-outputs"]).passed


def test_an_ignored_label_counts_nowhere(tmp_path):
    labels = np.arange(80) % 4
    labels[::5] = 255
    write_datums(tmp_path / "train_lmdb", labels)
    ignoring = softmax_loss(more="loss_param { ignore_label: 255 }")
    report = scan(tmp_path, data(batch=40) + inner("ip", "data", 4) + ignoring)
    (source,) = report.sources
    assert not rules(report) & {"label-beyond-outputs", "label-out-of-range", "empty-class"}
    assert source.labels.counts == {"0": 16, "1": 16, "2": 16, "3": 16}
    heeding = scan(tmp_path, data(batch=40) + BELOW)
    assert "label-beyond-outputs" in rules(heeding)
    assert heeding.sources[0].labels.counts["255"] == 16


def test_labels_that_are_all_ignored(tmp_path):
    write_datums(tmp_path / "train_lmdb", np.full(20, 9))
    ignoring = softmax_loss(more="loss_param { ignore_label: 9 }")
    report = scan(tmp_path, data() + inner("ip", "data", 4) + ignoring)
    assert report.sources[0].labels is None
    assert "label-beyond-outputs" not in rules(report)


@pytest.mark.parametrize(
    ("loss", "stated"),
    [
        (softmax_loss(), None),
        (
            softmax_loss(more="loss_param { ignore_label: 9 }"),
            "loss loss (SoftmaxWithLoss) in this net normalises by label counts",
        ),
        (softmax_loss(more="loss_param { ignore_label: 9 normalization: BATCH_SIZE }"), None),
        (
            layer("p", "Softmax", "ip", "p") + layer("l", "InfogainLoss", "p label H", "l"),
            "loss l (InfogainLoss) in this net normalises by label counts",
        ),
    ],
)
def test_gaps_of_the_nets_own_batch_size(tmp_path, loss, stated):
    write_datums(tmp_path / "train_lmdb", np.repeat(np.arange(4), 50))
    report = scan(tmp_path, data() + inner("ip", "data", 4) + loss)
    gaps = [f for f in report.sources[0].findings if f.rule == "batch-label-gap"]
    if not stated:
        # Gaps do no harm to a loss that does not divide by label counts.
        assert gaps == []
        return
    (gap,) = gaps
    assert gap.severity == "warning"
    assert gap.message.startswith("batch size 10: 20 of 20 batches in store order lack a class")
    assert gap.message.endswith(f"; {stated}")


def test_a_missing_source_is_named_and_the_others_are_scanned(tmp_path):
    write_datums(tmp_path / "test_lmdb")
    report = scan(tmp_path, data(TRAIN) + data(TEST, source="test_lmdb") + BELOW)
    ((key, detail),) = net_findings(report, "missing-file")
    assert key == "data"
    assert detail.startswith("source train_lmdb does not exist (tried ")
    assert str(tmp_path / "train_lmdb") in detail
    assert [source.phase for source in report.sources] == ["TEST"]
    assert not report.passed
    quiet = scan(
        tmp_path, data(TRAIN) + data(TEST, source="test_lmdb") + BELOW, ignore=["missing-file"]
    )
    assert net_findings(quiet, "missing-file") == []


@pytest.mark.parametrize("content", [b"", b"no database", b"\x89HDF"])
def test_a_source_that_is_no_dataset(tmp_path, content):
    (tmp_path / "train_lmdb").write_bytes(content)
    write_datums(tmp_path / "test_lmdb")
    report = scan(tmp_path, data(TRAIN) + data(TEST, source="test_lmdb") + BELOW)
    assert not report.passed
    assert all_findings(report)
    assert report.sources[-1].phase == "TEST"


def test_a_data_layer_without_source(tmp_path):
    report = scan(tmp_path, layer("d", "Data", "", "data label"))
    assert net_findings(report, "missing-file") == [("d", "the Data layer names no source")]


def test_no_data_looks_at_the_net_alone(tmp_path):
    report = scan_prototxt(tmp_path, small_net())
    assert (report.sources, report.findings) == ([], [])
    assert report.passed


def test_a_store_that_is_read_twice_alike_is_scanned_once(tmp_path, monkeypatch):
    write_datums(tmp_path / "train_lmdb")
    opened = []
    real = session.open_reader
    monkeypatch.setattr(session, "open_reader", lambda *a: opened.append(a) or real(*a))
    net = data(TRAIN) + data(TEST) + BELOW
    report = scan(tmp_path, net)
    assert len(opened) == 1
    assert [source.phase for source in report.sources] == ["TRAIN", "TEST"]


def write_h5(path: Path, **more):
    with h5py.File(path, "w") as file:
        for name, values in more.items():
            file[name] = values


def hdf5(more: str = "", tops: str = "data label") -> str:
    return layer(
        "data", "HDF5Data", "", tops, f'hdf5_data_param {{ source: "l.txt" batch_size: 5 {more} }}'
    )


def test_hdf5_lists_are_resolved_as_sources_are(tmp_path):
    random = np.random.default_rng(0)
    (tmp_path / "deep").mkdir()
    for name in ("a.h5", "deep/b.h5"):
        labels = np.array([0, 1, 2, 3, 4] * 4, "f4")
        write_h5(tmp_path / name, data=random.normal(size=(20, 6)).astype("f4"), label=labels)
    (tmp_path / "l.txt").write_text("a.h5\ndeep/b.h5\nnone.h5\n")
    report = scan(tmp_path, hdf5() + BELOW)
    ((key, detail),) = net_findings(report, "missing-file")
    assert (key, detail.split(",")[0]) == ("data", "none.h5")
    (source,) = report.sources
    assert (source.dataset.backend, source.dataset.records) == ("hdf5", 40)
    (found,) = (f for f in source.findings if f.rule == "label-beyond-outputs")
    assert found.records == 8


def test_the_top_that_the_loss_takes_is_the_label(tmp_path):
    random = np.random.default_rng(0)
    write_h5(
        tmp_path / "a.h5",
        pixels=random.normal(size=(20, 6)).astype("f4"),
        label=np.full(20, 99.0),
        kind=np.array([0, 1, 2, 3] * 5, "f4"),
    )
    (tmp_path / "l.txt").write_text("a.h5\n")
    net = hdf5(tops="pixels label kind") + inner("ip", "pixels", 4) + softmax_loss(label="kind")
    (source,) = scan(tmp_path, net).sources
    assert source.labels.counts == {"0": 5, "1": 5, "2": 5, "3": 5}


@pytest.mark.parametrize("shape", [(20, 5), (20, 1, 4, 4)])
def test_label_images_and_sequences_are_not_judged(tmp_path, shape):
    labels = np.random.default_rng(0).integers(-1, 9, shape).astype("f4")
    write_h5(tmp_path / "a.h5", data=np.random.default_rng(1).normal(size=(20, 6)), label=labels)
    (tmp_path / "l.txt").write_text("a.h5\n")
    loss = softmax_loss(more="loss_param { ignore_label: -1 }")
    report = scan(tmp_path, hdf5() + inner("ip", "data", 4) + loss)
    assert report.all_findings == []
    write_h5(tmp_path / "a.h5", data=np.full((20, 6), np.nan), label=labels)
    assert "nan-value" in {f.rule for f in scan(tmp_path, hdf5() + BELOW).all_findings}


def test_places_that_become_channels_are_no_classes(tmp_path):
    write_datums(tmp_path / "train_lmdb", np.arange(120) % 12)
    flat = layer("f", "Flatten", "c", "f")
    net = data(batch=120) + conv("c", "data", 3) + flat + softmax_loss("f")
    report = scan(tmp_path, net)
    assert report.sources[0].num_classes is None
    assert "label-beyond-outputs" not in {f.rule for f in report.all_findings}
    pool = layer("p", "Pooling", "c", "c", "pooling_param { pool: AVE global_pooling: true }")
    report = scan(tmp_path, data(), conv("c", "data", 3), pool, flat, softmax_loss("f"))
    assert report.sources[0].num_classes == 3


@pytest.mark.parametrize(("content", "rule"), [("", "damaged-store"), ("x.h5\n", "missing-file")])
def test_hdf5_lists_without_files(tmp_path, content, rule):
    (tmp_path / "l.txt").write_text(content)
    report = scan(tmp_path, hdf5() + BELOW)
    assert [key for key, _ in net_findings(report, rule)] == ["data"]
    assert report.sources == []


def test_an_hdf5_file_in_place_of_its_list(tmp_path):
    write_h5(tmp_path / "l.txt", data=np.zeros((3, 2)), label=np.arange(3))
    ((_, detail),) = net_findings(scan(tmp_path, hdf5() + BELOW), "damaged-store")
    assert "Caffe expects a text file that lists HDF5 files" in detail


@pytest.mark.parametrize("folder", ["", "pictures/", "{tmp}/pictures/"])
def test_images_of_a_list(tmp_path, folder, monkeypatch):
    home = tmp_path / "pictures" if folder else tmp_path
    write_tree(home, {f"{i}.jpg": photo(i) for i in range(4)})
    (tmp_path / "list.txt").write_text("0.jpg 0\n1.jpg 3\n2.jpg 4\n3.jpg 1\nnone.jpg 2\n")
    root = folder.format(tmp=tmp_path)
    net = layer(
        "data",
        "ImageData",
        "",
        "data label",
        f'image_data_param {{ source: "list.txt" root_folder: "{root}" batch_size: 2 '
        "new_height: 16 new_width: 16 } transform_param { crop_size: 20 }",
    )
    report = scan(tmp_path, net + BELOW)
    (source,) = report.sources
    assert (source.dataset.backend, source.dataset.records) == ("images", 5)
    counts = {f.rule: f.records for f in source.findings if f.severity == "error"}
    assert counts == {"label-beyond-outputs": 1, "missing-file": 1}
    assert net_findings(report, "source-mismatch") == [
        ("data", "crop_size 20 is larger than new_height x new_width, 16 x 16")
    ]


@pytest.mark.parametrize(
    ("root", "name", "sought"),
    [
        ("pictures", "0.jpg", "pictures0.jpg"),
        ("pictures", "/0.jpg", None),
        ("pictures/", "/0.jpg", None),
        ("pictures/", "0.jpg", None),
        ("", "pictures/0.jpg", None),
    ],
)
def test_caffe_joins_root_folder_and_name_as_strings(tmp_path, root, name, sought):
    write_tree(tmp_path / "pictures", {"0.jpg": photo(0)})
    (tmp_path / "list.txt").write_text(f"{name} 0\n")
    param = f'image_data_param {{ source: "list.txt" root_folder: "{root}" }}'
    report = scan(tmp_path, layer("i", "ImageData", "", "data label", param))
    text = f'root_folder {root} does not end in "/": Caffe looks for {sought}'
    assert net_findings(report, "missing-file") == ([("i", text)] if sought else [])
    (source,) = report.sources
    assert "missing-file" not in {finding.rule for finding in source.findings}


def test_a_missing_folder_of_images(tmp_path):
    (tmp_path / "list.txt").write_text("0.jpg 0\n")
    net = layer(
        "i",
        "ImageData",
        "",
        "data label",
        'image_data_param { source: "list.txt" root_folder: "nowhere/" }',
    )
    assert net_findings(scan(tmp_path, net), "missing-file") == [
        ("i", "root_folder nowhere/ does not exist")
    ]


def test_fail_on_counts_the_findings_of_sources(tmp_path):
    write_datums(tmp_path / "train_lmdb", np.arange(80) % 5)
    assert not scan(tmp_path, small_net()).passed
    assert scan(tmp_path, small_net(), fail_on="never").passed
    write_datums(tmp_path / "other_lmdb", np.repeat(np.arange(3), 20))
    empty = small_net(source="other_lmdb")  # of its four classes, the last has no record
    assert scan(tmp_path, empty).passed
    assert not scan(tmp_path, empty, fail_on="warning").passed


def test_select_and_ignore_take_rules_of_all_kinds(tmp_path):
    write_datums(tmp_path / "train_lmdb", np.arange(80) % 5)
    net = small_net() + layer("p", "Pooling", "data", "p", "pooling_param { stride: 3 kernel: 2 }")
    assert rules(scan(tmp_path, net, select=["unknown-field"])) == {"unknown-field"}
    assert rules(scan(tmp_path, net, select=["label-beyond-outputs"])) == {"label-beyond-outputs"}
    left = rules(scan(tmp_path, net, ignore=["unknown-field", "label-beyond-outputs"]))
    assert "pooling-stride-exceeds-kernel" in left
    assert not left & {"unknown-field", "label-beyond-outputs"}
    with pytest.raises(UsageError, match="no such rule: unknown-fild; did you mean unknown-field"):
        scan(tmp_path, net, ignore=["unknown-fild"])
    assert datascan.scan(tmp_path / "train_lmdb", workers=0, ignore=["lr-not-finite"])


def test_nothing_on_disk_changes(tmp_path):
    write_datums(tmp_path / "train_lmdb")
    before = files(tmp_path / "train_lmdb")
    scan(tmp_path, small_net())
    assert files(tmp_path / "train_lmdb") == before


def test_the_python_interface(tmp_path):
    write_datums(tmp_path / "train_lmdb")
    net = write_net(tmp_path, small_net())
    solver = write_net(tmp_path, FIXED, name="solver.prototxt")
    report = datascan.scan_net(str(net), solver=str(solver), root=str(tmp_path), workers=0)
    assert len(report.sources) == 1
    with pytest.raises(UsageError, match="no such option: colour"):
        datascan.scan_net(net, colour=1)


@pytest.mark.parametrize(
    ("run", "errors"),
    [
        ("healthy", set()),
        ("blow_up", set()),
        ("nan_record", {"nan-value"}),
        ("bad_label", {"missing-file"}),
        ("pool", {"pooling-stride-exceeds-kernel"}),
    ],
)
def test_real_runs(run, errors, shared_data):
    home = shared_data / "caffe_runs" / run
    report = datascan.scan_net(home / "train_val.prototxt", home / "solver.prototxt", workers=0)
    found = [f for f in all_findings(report) if f.severity == "error"]
    assert {finding.rule for finding in found} == errors
    assert report.passed is (not errors)
    if run == "nan_record":
        assert [example.index for example in found[0].examples] == [3333]
    if run != "bad_label":
        (source,) = report.sources
        assert (source.dataset.records, source.batch_size, source.num_classes) == (5000, 50, 10)
        assert {f.rule for f in source.findings} - errors == set()
    assert datascan.scan_net(home / "solver.prototxt", workers=0).findings == report.findings
