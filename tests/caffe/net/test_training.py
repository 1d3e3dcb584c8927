"""Phases, solvers and the nets that they name, sources and what becomes of their labels."""

from __future__ import annotations

from pathlib import Path

import pytest

from datascan.caffe.net.training import read_training
from datascan.errors import DatasetError, UsageError
from tests.builders.caffe import (
    TEST,
    TRAIN,
    conv,
    data,
    inner,
    layer,
    scan_prototxt,
    small_net,
    softmax_loss,
    write_net,
)


def training(folder, *parts, solver=None, **more):
    path = write_net(folder, *parts)
    own = None if solver is None else write_net(folder, solver, name="solver.prototxt")
    return read_training(path, own, **more)


def layers_in(found):
    return [(view.phase, [layer.name for layer in view.layers]) for view in found.views]


@pytest.mark.parametrize(
    ("rule", "solver", "phases"),
    [
        ("", "", ["TRAIN", "TEST"]),
        ("include { phase: TRAIN }", "", ["TRAIN"]),
        ("include { phase: TEST }", "", ["TEST"]),
        ("exclude { phase: TEST }", "", ["TRAIN"]),
        ("include { phase: TRAIN } include { phase: TEST }", "", ["TRAIN", "TEST"]),
        ("include { stage: 'a' }", "", []),
        ("include { stage: 'a' }", "train_state { stage: 'a' }", ["TRAIN"]),
        ("include { stage: 'a' }", "test_state { stage: ['a', 'b'] }", ["TEST"]),
        ("include { not_stage: 'a' }", "train_state { stage: 'a' }", ["TEST"]),
        ("include { min_level: 1 }", "test_state { level: 1 }", ["TEST"]),
        ("include { max_level: 0 phase: TEST }", "test_state { level: 1 }", []),
        ("exclude { phase: TRAIN stage: 'b' }", "", ["TRAIN", "TEST"]),
    ],
)
def test_phase_rules(tmp_path, rule, solver, phases):
    found = training(
        tmp_path,
        layer("always", "ReLU"),
        layer("x", "ReLU", "", "", rule),
        solver=f'net: "train_val.prototxt" {solver}',
    )
    assert [phase for phase, names in layers_in(found) if "x" in names] == phases


def test_several_test_states(tmp_path):
    net = small_net() + layer("a", "ReLU", "", "", "include { stage: 'a' }")
    solver = "net: 'x' test_state { stage: 'a' } test_state { stage: 'b' }"
    found = training(tmp_path, net, solver=solver)
    assert [(phase, "a" in names) for phase, names in layers_in(found)] == [
        ("TRAIN", False),
        ("TEST", True),
        ("TEST", False),
    ]


def test_a_solver_names_its_net(tmp_path, monkeypatch):
    write_net(tmp_path, small_net())
    solver = write_net(tmp_path, 'net: "train_val.prototxt" iter_size: 4', name="s.prototxt")
    (source,) = read_training(solver).sources
    assert (source.batch_size, source.iter_size, source.records_an_iteration) == (10, 4, 40)


def test_a_solver_of_several_nets(tmp_path):
    write_net(tmp_path, small_net(), name="a.prototxt")
    write_net(tmp_path, small_net(source="test_lmdb", batch=3), name="b.prototxt")
    text = 'train_net: "a.prototxt" test_net: "b.prototxt" test_iter: 1 iter_size: 2'
    found = read_training(write_net(tmp_path, text, name="s.prototxt"))
    assert [(s.phase, s.given, s.batch_size, s.iter_size) for s in found.sources] == [
        ("TRAIN", "train_lmdb", 10, 2),
        ("TEST", "test_lmdb", 3, 1),
    ]


def test_a_solver_that_holds_its_nets(tmp_path):
    text = f"train_net_param {{ {small_net()} }} test_net_param {{ {small_net(batch=7)} }}"
    found = read_training(write_net(tmp_path, text, name="s.prototxt"))
    assert [(s.phase, s.batch_size) for s in found.sources] == [("TRAIN", 10), ("TEST", 7)]
    text = f"net_param {{ {small_net()} }} base_lr: 1"
    found = read_training(write_net(tmp_path, text, name="s.prototxt"))
    assert [view.phase for view in found.views] == ["TRAIN", "TEST"]
    assert len(found.sources) == 1


def test_a_net_is_looked_for_in_root_first(tmp_path):
    write_net(tmp_path, small_net(batch=3))
    root = tmp_path / "root"
    root.mkdir()
    write_net(root, small_net(batch=5))
    solver = write_net(tmp_path, 'net: "train_val.prototxt"', name="s.prototxt")
    assert read_training(solver).sources[0].batch_size == 3
    assert read_training(solver, root=root).sources[0].batch_size == 5


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('net: "s.prototxt"', "which is not a net"),
        ("", "neither a net nor a solver"),
        ("hello: 1", "neither a net nor a solver"),
        ("input: 'data'", "neither a net nor a solver"),
        ("", "it is empty"),
        ("item { name: 'cat' id: 1 }", "it is a label map"),
        ("name: 'x' input: 'data'", "it is a net without layers"),
        ("a: 1 b: 2 c: 3 d: 4 e: 5 f: 6", "its fields are a, b, c, d, e and 1 more"),
    ],
)
def test_invalid_files(tmp_path, text, message):
    with pytest.raises(DatasetError, match=message):
        read_training(write_net(tmp_path, text, name="s.prototxt"))


@pytest.mark.parametrize("given", ["none.prototxt", "/far/away/none.prototxt", "a/b.prototxt"])
def test_a_solver_whose_net_is_missing_is_judged(tmp_path, given):
    solver = write_net(tmp_path, f'net: "{given}" base_lr: 0.1', name="s.prototxt")
    found = read_training(solver)
    assert found.solver.base_lr == pytest.approx(0.1)
    assert [net.given for net in found.unfound] == [given]
    assert (found.views, found.sources) == ((), ())


def test_a_solver_that_names_no_net_is_judged(tmp_path):
    found = read_training(write_net(tmp_path, "base_lr: 0.1", name="s.prototxt"))
    assert [net.given for net in found.unfound] == [""]


def test_a_net_of_that_name_beside_the_solver_is_used(tmp_path):
    net = write_net(tmp_path, small_net())
    for given in ("models/x/train_val.prototxt", "C:\\\\x\\\\train_val.prototxt"):
        found = read_training(write_net(tmp_path, f'net: "{given}"', name="s.prototxt"))
        assert [x.path for x in found.found] == [net]
        assert len(found.views) == 2
        assert found.unfound == ()


def test_a_net_is_found_from_the_folder_that_caffe_was_started_in(tmp_path):
    folder = tmp_path / "examples" / "mnist"
    folder.mkdir(parents=True)
    write_net(folder, small_net(source="examples/mnist/train_lmdb"))
    (folder / "train_lmdb").mkdir()
    solver = write_net(folder, 'net: "examples/mnist/train_val.prototxt"', name="s.prototxt")
    found = read_training(solver)
    assert [x.root for x in found.found] == [tmp_path]
    assert found.sources[0].path == folder / "train_lmdb"


def test_a_net_is_not_a_solver(tmp_path):
    net = write_net(tmp_path, small_net())
    with pytest.raises(UsageError, match="is a net, not a solver"):
        read_training(net, net)
    solver = write_net(tmp_path, "base_lr: 1 net: 'train_val.prototxt'", name="s.prototxt")
    with pytest.raises(UsageError, match="is itself a solver"):
        read_training(solver, solver)


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("solver_type: ADAM", "Adam"),
        ("type: 'Nesterov'", "Nesterov"),
        ("base_lr: 1", "SGD"),
        ("solver_type: SGD", "SGD"),
    ],
)
def test_types_of_solvers(tmp_path, text, kind):
    found = training(tmp_path, small_net(), solver=f"{text} net: 'x'")
    assert found.solver.type == kind


def test_sources_are_looked_for_in_order(tmp_path, monkeypatch):
    there, here, root = (tmp_path / name for name in ("there", "here", "root"))
    for folder in (there, here, root):
        (folder / "train_lmdb").mkdir(parents=True)
    monkeypatch.chdir(here)
    path = write_net(there, small_net())
    assert read_training(path, root=root).sources[0].path == root / "train_lmdb"
    assert read_training(path).sources[0].path == Path("train_lmdb")
    (here / "train_lmdb").rmdir()
    assert read_training(path).sources[0].path == there / "train_lmdb"
    (there / "train_lmdb").rmdir()
    (source,) = read_training(path).sources
    assert source.path is None
    assert source.tried == (Path("train_lmdb"), there / "train_lmdb")


BETWEEN = {
    "nothing": "",
    "relu in place": layer("r", "ReLU", "ip", "ip"),
    "dropout, scale": layer("d", "Dropout", "ip", "ip") + layer("s", "Scale", "ip", "ip"),
    "a chain": layer("a", "Sigmoid", "ip", "a")
    + layer("b", "Flatten", "a", "b")
    + layer("c", "Split", "b", "ip x"),
}


@pytest.mark.parametrize("between", BETWEEN)
def test_classes_come_from_the_layer_above_the_loss(tmp_path, between):
    net = data() + inner("ip", "data", 7) + BETWEEN[between] + softmax_loss()
    (source,) = training(tmp_path, net).sources
    assert (source.num_classes, source.fed_by, source.label_type) == (7, "ip", "class")


@pytest.mark.parametrize(
    ("net", "classes"),
    [
        (conv("ip", "data", 5, 1) + softmax_loss(), 5),
        (
            inner("a", "data", 5)
            + inner("b", "data", 6)
            + layer("ip", "Concat", "a b", "ip")
            + softmax_loss(),
            11,
        ),
        (
            inner("a", "data", 60)
            + layer(
                "ip", "Reshape", "a", "ip", "reshape_param { shape { dim: 0 dim: 12 dim: -1 } }"
            )
            + softmax_loss(),
            12,
        ),
        (inner("a", "data", 5) + layer("ip", "Python", "a", "ip") + softmax_loss(), None),
        (inner("ip", "data", 5) + layer("loss", "HingeLoss", "ip label", "loss"), 5),
        (inner("ip", "data", 5) + layer("acc", "Accuracy", "ip label", "acc"), 5),
        (inner("ip", "data", 5) + layer("loss", "EuclideanLoss", "ip label", "loss"), None),
        (
            inner("ip", "data", 5)
            + layer("s", "Slice", "label", "one two")
            + softmax_loss(label="one"),
            None,
        ),
    ],
)
def test_numbers_of_classes(tmp_path, net, classes):
    (source,) = training(tmp_path, data() + net).sources
    assert source.num_classes == classes


def test_what_labels_are(tmp_path):
    def kind(net):
        return training(tmp_path, net).sources[0].label_type

    assert kind(small_net()) == "class"
    assert kind(data() + layer("l", "EuclideanLoss", "data label", "l")) == "regression"
    assert kind(data() + layer("s", "Silence", "label")) == "none"
    assert kind(data()) == "none"
    assert kind(data() + layer("p", "Python", "label", "p")) == "auto"
    single = layer("d", "Data", "", "data", 'data_param { source: "a" batch_size: 1 }')
    assert kind(single) == "none"


def test_the_ignored_label_of_the_loss(tmp_path):
    net = data() + inner("ip", "data", 4) + softmax_loss(more="loss_param { ignore_label: 255 }")
    found = training(tmp_path, net)
    assert found.sources[0].ignore_label == 255
    assert found.losses[0].counts_labels
    plain = training(tmp_path, small_net())
    assert plain.sources[0].ignore_label is None
    assert not plain.losses[0].counts_labels


def test_order_of_reading(tmp_path):
    plain, skipping = data(), data(settings="rand_skip: 100")
    assert training(tmp_path, plain).sources[0].in_order
    assert not training(tmp_path, skipping).sources[0].in_order
    images = layer(
        "i", "ImageData", "", "data label", 'image_data_param { source: "l" shuffle: true }'
    )
    (source,) = training(tmp_path, images).sources
    assert not source.in_order
    assert (source.backend, source.batch_size, source.channels) == ("images", 1, 3)


def test_one_layer_for_each_phase(tmp_path):
    found = training(tmp_path, data(TRAIN), data(TEST, source="t", batch=4), solver="iter_size: 3")
    assert [(s.phase, s.batch_size, s.iter_size) for s in found.sources] == [
        ("TRAIN", 10, 3),
        ("TEST", 4, 1),
    ]


def test_nets_of_any_depth_and_breadth(tmp_path):
    deep = "".join(layer(f"r{i}", "Reshape", "label", "label") for i in range(3000))
    deep += "".join(layer(f"b{i}", "BatchNorm", "ip", "ip") for i in range(3000))
    wide = inner("c0", "data", 8)
    wide += "".join(layer(f"c{i + 1}", "Concat", f"c{i} c{i}", f"c{i + 1}") for i in range(500))
    net = data(batch=1) + inner("ip", "data", 4) + wide + deep + softmax_loss()
    found = training(tmp_path, net + layer("l", "HingeLoss", "c500 label", "l"))
    assert found.sources[0].num_classes == 4
    assert found.losses[-1].outputs is None
    report = scan_prototxt(tmp_path, net)
    assert len(report.findings) == 3000


def test_the_loss_with_the_fewest_outputs_decides(tmp_path):
    net = data() + inner("a", "data", 9) + inner("b", "data", 7)
    net += layer("l", "SoftmaxWithLoss", "a label", "l")
    net += layer("m", "SoftmaxWithLoss", "b label", "m")
    (source,) = training(tmp_path, net).sources
    assert (source.num_classes, source.fed_by) == (7, "b")


def test_root_must_be_a_folder(tmp_path):
    with pytest.raises(UsageError, match="is not a folder"):
        training(tmp_path, small_net(), root=tmp_path / "none")


def test_each_test_net_has_its_own_state(tmp_path):
    net = small_net() + "".join(
        layer(name, "ReLU", "", "", f"include {{ stage: '{name}' }}") for name in ("a", "b", "c")
    )
    write_net(tmp_path, net, name="n.prototxt")
    states = " ".join(f"test_state {{ stage: '{name}' }}" for name in ("a", "b", "c"))

    def staged(text):
        found = read_training(write_net(tmp_path, text, name="s.prototxt"))
        return [[n for n in names if len(n) == 1] for _, names in layers_in(found)]

    train = 'train_net: "n.prototxt"'
    tests = 'test_net: "n.prototxt" test_net: "n.prototxt"'
    assert staged(f"{train} {tests} {states}") == [[], ["a"], ["b"]]
    assert staged(f"{train} {tests} test_state {{ stage: 'a' }}") == [[], ["a"], []]
    # A net for both phases takes the states that the test nets leave.
    assert staged(f'net: "n.prototxt" {tests} {states}') == [[], ["a"], ["b"], ["c"]]
