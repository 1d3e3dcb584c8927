from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datascan.caffe.net.prototxt import message_fields, parse, read_text
from datascan.caffe.net.schema import ENUMS, MESSAGES, current_type_name
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
        ("layer {", "net.prototxt, line 1, column 7: "),
        ('name: "abc', "net.prototxt, line 1, column 7: String missing ending quote"),
        ("layer { pooling_param { pool: FOO } }", 'Enum type "PoolMethod" has no value named FOO'),
        ("layers { type: FOO }", 'Enum type "V1Type" has no value named FOO'),
        ('name: "a"\nname: "b"', "line 2, column "),
        ("layer { include { phase: TRAINING } }", 'Enum type "Phase" has no value named TRAINING'),
        ("layer { foo { " * 5000, "net.prototxt: braces are nested too deep"),
        ("foo: [", "net.prototxt: Invalid field value: unexpected end of file"),
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
