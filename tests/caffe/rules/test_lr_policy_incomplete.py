from __future__ import annotations

import pytest

from tests.builders.caffe import net_findings, scan_prototxt, small_net

RULE = "lr-policy-incomplete"
COMPLETE = {
    "fixed": "",
    "step": "gamma: 0.1 stepsize: 10",
    "exp": "gamma: 0.99",
    "inv": "gamma: 0.0001 power: 0.75",
    "multistep": "gamma: 0.1 stepvalue: 10 stepvalue: 20",
    "poly": "power: 1",
    "sigmoid": "gamma: -0.1 stepsize: 10",
}


def solver(policy, more):
    return f'base_lr: 0.1 lr_policy: "{policy}" {more} max_iter: 30'


@pytest.mark.parametrize("policy", COMPLETE)
def test_complete_policies(tmp_path, policy):
    report = scan_prototxt(tmp_path, small_net(), solver=solver(policy, COMPLETE[policy]))
    assert report.findings == []


@pytest.mark.parametrize(
    ("text", "lack"),
    [
        (solver("step", "gamma: 0.1"), "policy step lacks stepsize"),
        (solver("step", "gamma: 0.1 stepsize: 0"), "policy step lacks stepsize"),
        (solver("step", ""), "policy step lacks gamma and stepsize"),
        (solver("exp", ""), "policy exp lacks gamma"),
        (solver("inv", "gamma: 1"), "policy inv lacks power"),
        (solver("multistep", "gamma: 0.1 stepsize: 5"), "policy multistep lacks stepvalue"),
        (solver("poly", ""), "policy poly lacks power"),
        ('base_lr: 0.1 lr_policy: "poly" power: 1', "policy poly lacks max_iter"),
        (solver("sigmoid", "stepsize: 3"), "policy sigmoid lacks gamma"),
        ('lr_policy: "fixed" max_iter: 3', "policy fixed lacks base_lr"),
        ("base_lr: 0.1 max_iter: 3", "there is no lr_policy"),
        (solver("Step", "gamma: 0.1 stepsize: 5"), "policy Step is unknown"),
        (
            solver("cosine", ""),
            "policy cosine is unknown to Caffe; known policies are fixed, ",
        ),
    ],
)
def test_incomplete_policies(tmp_path, text, lack):
    report = scan_prototxt(tmp_path, small_net(), solver=text)
    ((key, detail),) = net_findings(report, RULE)
    assert key == "solver"
    assert detail.startswith(lack)
    assert [finding.rule for finding in report.findings] == [RULE]


def test_without_a_solver_nothing_is_said(tmp_path):
    assert scan_prototxt(tmp_path, small_net()).findings == []
