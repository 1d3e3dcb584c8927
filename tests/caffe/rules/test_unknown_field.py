from __future__ import annotations

import pytest

from tests.builders.caffe import (
    conv,
    data,
    layer,
    net_findings,
    scan_prototxt,
    small_net,
    softmax_loss,
)

RULE = "unknown-field"


@pytest.mark.parametrize(
    ("part", "key", "detail"),
    [
        (
            layer("c", "Convolution", "data", "c", "convolution_param { num_ouput: 3 }"),
            "c",
            (
                "convolution_param has no field num_ouput (train_val.prototxt:1); "
                "did you mean num_output?"
            ),
        ),
        (
            layer("c", "ReLU", "data", "c", "\n\nparam { lr_mlt: 0 }"),
            "c",
            "param has no field lr_mlt (train_val.prototxt:3); did you mean lr_mult?",
        ),
        ('inputt: "x"\n' + layer("r", "ReLU"), "net", "the net has no field inputt"),
        (
            layer("c", "Convolution", "data", "c", "convolution_parm { num_output: 3 }"),
            "c",
            "layer has no field convolution_parm",
        ),
        (
            layer("c", "ReLU", "", "", "include { phase: TRIAN }"),
            "c",
            "phase cannot be TRIAN (train_val.prototxt:1); did you mean TRAIN?",
        ),
        (
            layer("c", "ReLU", "", "", "include { phase: TRAIN stages: 'a' }"),
            "c",
            "include has no field stages",
        ),
        ('layers { name: "old" type: RELU blobs_rl: 1 }', "old", "layers has no field blobs_rl"),
    ],
)
def test_fields_that_caffe_does_not_have(tmp_path, part, key, detail):
    report = scan_prototxt(tmp_path, part)
    ((found, text),) = net_findings(report, RULE)
    assert found == key
    assert text.startswith(detail)
    assert report.findings[0].severity == "warning"
    assert report.passed


@pytest.mark.parametrize(
    "part",
    [
        layer("c", "Fork", "data", "c", "fork_param { a: 1 b { c: [1, 2] } d < e: 'x' > }"),
        layer("c", "Flip", "data", "c", "clipp_param { a: 1 }"),
        layer("c", "Permute", "data", "c", "pooling_pram { a: 1 }"),
        layer("c", "Convolution", "data", "c", "convolution_param { kernel_d: 3 dilation_h: 2 }"),
        layer("c", "ReLU", "data", "c", "rrelu_param { a: 1 } engine: CUDNN lstm_param { a: 1 }"),
        layer("c", "Pooling", "data", "c", "pooling_param { ceil_mode: false }"),
        'momentum3: 1 layers { name: "old" type: RELU lr_mult: 1 }',
    ],
)
def test_fields_of_forks_give_one_line(tmp_path, part):
    report = scan_prototxt(tmp_path, part)
    assert net_findings(report, RULE) == []
    assert [(f.rule, f.severity) for f in report.findings] == [("not-understood", "info")]


def test_a_field_of_the_solver(tmp_path):
    text = 'base_lr: 0.1 lr_policy: "fixed"\nmax_iters: 100'
    report = scan_prototxt(tmp_path, small_net(), solver=text)
    assert net_findings(report, RULE) == [
        (
            "solver",
            "the solver has no field max_iters (solver.prototxt:2); did you mean max_iter?",
        )
    ]


def test_known_fields_in_every_form_of_the_text(tmp_path):
    text = (
        'name: "a" "b" # a comment with num_ouput: 3\n'
        + data(settings="prefetch: 4 mirror: false")
        + conv("c", "data", 8, 3, "pad: [1, 1]; dilation: 1, engine: CUDNN axis: 1")
        + 'layer < name: "r" type: "ReLU" bottom: "c" top: "c" relu_param: < engine: CAFFE > >\n'
        + softmax_loss("c", more="loss_weight: -0.5 loss_param { normalization: VALID }")
    )
    assert scan_prototxt(tmp_path, text).findings == []
