from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datascan.caffe.net.layer_types import current_type_name
from datascan.caffe.net.messages import message_fields
from datascan.caffe.net.prototxt import parse, read_text
from datascan.caffe.net.schema import ENUMS, MESSAGES
from datascan.errors import DatasetError
from datascan.testing.reports import ANY_TEXT

SCALARS = {"string", "float", "int32", "int64", "uint32", "bool"}


def net(text: str):
    return parse(Path("net.prototxt"), text, "NetParameter")


def test_the_table_is_of_one_piece():
    for name in MESSAGES:
        for field in message_fields(name).values():
            assert field.kind in SCALARS | set(ENUMS) | set(MESSAGES) | {""}, (name, field)
            assert field.name.isidentifier()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('name: "a"\nlayer {\n  name: 3\n}', "net.prototxt, line 3, column 9: "),
        ("layer {\n  bottom 'x'\n}", "net.prototxt, line 2, column 10: "),
        ("layer }", "net.prototxt, line 1, column 7: "),
        ("layer {", 'net.prototxt, line 1, column 8: Expected "}": unexpected end of file'),
        ('name: "abc', "net.prototxt, line 1, column 7: String missing ending quote"),
        ('name: "a"\nname: "b"', "line 2, column "),
        ("a: 1\nlayer { name: $NAME }", "line 2: $NAME is a placeholder: fill in this template"),
        ("layer { name: '$A' phase: {{ phase }} }", "line 1: {{ phase }} is a placeholder"),
        ("layer { name: 3 } # costs $5", "line 1, column 15: Expected string but found: '3'"),
        (
            "layer { convolution_param { num_output: cls3x } }",
            "Couldn't parse integer: cls3x (if this is a template, fill it in first)",
        ),
        ("{% for x in y %}", "line 1: {% for x in y %} is a placeholder"),
        ("I0412 10:00:00.1 12 solver.cpp:1] a", "net.prototxt is a training log, not a net"),
        ("layer { foo { " * 5000, "net.prototxt: braces are nested too deep"),
        ("foo: [", "Expected a value: unexpected end of file"),
        ("layer { convolution_param { num_output: -1 } }", "line 1, column 41"),
    ],
)
def test_errors_give_file_line_and_column(text, message):
    with pytest.raises(DatasetError) as failure:
        net(text)
    assert message in str(failure.value)
    assert "\n" not in str(failure.value)
    assert "datascan_caffe" not in str(failure.value)
    assert len(str(failure.value)) < 300


def test_a_long_line_is_not_repeated():
    with pytest.raises(DatasetError) as failure:
        net('layer { name: "x" } ' * 500 + "layer { name: 3 }")
    assert len(str(failure.value)) < 300
    assert "line 1, column 10015" in str(failure.value)


def test_unknown_fields_have_their_place():
    found = net(
        "a: 1\n"
        'layer { name: "n" ask { me: 1 } pooling_param {\n kernal_size: 3 } }\n'
        "layer { zzzzqqq: { x: 1 } }\n"
        'layers { name: "old" convolution_param < bias_filler: { vaule: 1 } > }'
    ).unknown
    assert [(f.name, f.within, f.owner, f.line, f.nearest) for f in found] == [
        ("a", "", "", 1, None),
        ("ask", "layer", "n", 2, None),
        ("kernal_size", "pooling_param", "n", 3, "kernel_size"),
        ("zzzzqqq", "layer", "", 4, None),
        ("vaule", "bias_filler", "old", 5, "value"),
    ]


@pytest.mark.parametrize(
    ("text", "unknown"),
    [
        ("layer { pooling_param { pool: FOO } }", ("pool", "FOO", "pooling_param", None)),
        ("layer { pooling_param { pool: MAXX } }", ("pool", "MAXX", "pooling_param", None)),
        ("layer { include { phase: TRIAN } }", ("phase", "TRIAN", "include", "TRAIN")),
        ("layer { loss_param { normalization: 9 } }", ("normalization", "9", "loss_param", None)),
        ("layer { data_param { backend: 'LMDB' } }", ("backend", "LMDB", "data_param", None)),
        ("layers { type: 'Softmax' }", ("type", "Softmax", "layers", "SOFTMAX")),
        ("solver_type: LARS", ("solver_type", "LARS", "", None)),
    ],
)
def test_values_of_forks_are_noted_and_never_refused(text, unknown):
    kind = "SolverParameter" if text.startswith("solver") else "NetParameter"
    (found,) = parse(Path("net.prototxt"), text, kind).unknown
    assert (found.name, found.value, found.within, found.nearest) == unknown


def test_types_of_v1_layers_of_a_fork_are_read():
    found = net("layers { type: ROI_POOLING } layers { type: RELU }")
    assert [layer.type for layer in found.message.layers] == ["ROI_POOLING", "RELU"]
    assert found.unknown == ()


def test_every_form_of_the_text():
    found = net(
        "\ufeffname: 'it' \"'s\" # a comment: $x {\r\n"
        "force_backward: true; input: ['a', 'b'], input_dim: 0x10 input_dim: 010\r\n"
        "layer: < name: 'c' loss_weight: 1.f loss_weight: -inf loss_weight: [nan, .5] [ext.a]: 3\n"
        "bottom: '\\xff' fork { a: -inf b: [] c: [{d: 1}, <e: 2>] f: 'x' 'y' g { } } >".lstrip(
            "\ufeff"
        )
    )
    message = found.message
    assert message.name == "it's"
    assert list(message.input) == ["a", "b"]
    assert list(message.input_dim) == [16, 8]
    assert str(list(message.layer[0].loss_weight)) == "[1.0, -inf, nan, 0.5]"
    assert list(message.layer[0].bottom) == ["\ufffd"]
    assert [one.name for one in found.unknown] == ["[ext.a]", "fork"]
    assert found.top_level == {"name", "force_backward", "input", "input_dim", "layer"}


def test_the_name_may_stand_last():
    assert net('layer { nam: "x" name: "late" }').unknown[0].owner == "late"


def test_v1_names_are_those_of_today():
    names = [current_type_name(word) for word in ENUMS["V1Type"].split()]
    assert {"InnerProduct", "SoftmaxWithLoss", "HDF5Data", "LRN", "ReLU", "ImageData"} <= set(names)
    assert "SigmoidCrossEntropyLoss" in names
    assert "MultinomialLogisticLoss" in names


@pytest.mark.parametrize("content", [b"\x00\x01net", b"name\0"])
def test_a_binary_net_is_rejected(tmp_path, content):
    path = tmp_path / "net.caffemodel"
    path.write_bytes(content)
    with pytest.raises(DatasetError, match="is a binary file, not a prototxt"):
        read_text(path)


def test_invalid_files(tmp_path):
    with pytest.raises(DatasetError, match="no such file"):
        read_text(tmp_path / "none")
    with pytest.raises(DatasetError, match="cannot read"):
        read_text(tmp_path)


def test_a_byte_order_mark_and_foreign_comments(tmp_path):
    path = tmp_path / "net.prototxt"
    path.write_bytes(b"\xef\xbb\xbfname: 'x' # \xc4\xe3\xba\xc3\r\nlayer { name: 'a' }\r\n")
    assert net(read_text(path)).message.name == "x"


@given(st.one_of(ANY_TEXT, st.text(st.sampled_from("layer{}<>[]:;,\"' \n#1-.a"))))
def test_any_text_parses_or_is_refused_in_one_line(text):
    refusal = "net.prototxt"
    try:
        net(text)
    except DatasetError as error:
        refusal = str(error)
    assert refusal.startswith("net.prototxt")
    assert len(refusal) < 300
