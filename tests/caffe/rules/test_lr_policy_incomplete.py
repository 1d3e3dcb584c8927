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
        (solver("polly", "power: 1"), "policy polly is unknown to Caffe; did you mean poly?"),
        (solver("stpe", ""), "policy stpe is unknown to Caffe; did you mean step?"),
        (
            solver("multi-step", ""),
            "policy multi-step is unknown to Caffe; did you mean multistep?",
        ),
    ],
)
def test_incomplete_policies(tmp_path, text, lack):
    report = scan_prototxt(tmp_path, small_net(), solver=text)
    ((key, detail),) = net_findings(report, RULE)
    assert key == "solver"
    assert detail.startswith(lack)
    assert [finding.rule for finding in report.findings] == [RULE]


@pytest.mark.parametrize(
    "policy", ["multifixed", "plateau", "stepearly", "sgdr", "cosine", "CLR", "constant"]
)
def test_policies_of_forks_are_not_errors(tmp_path, policy):
    report = scan_prototxt(tmp_path, small_net(), solver=solver(policy, ""))
    assert net_findings(report, RULE) == []
    ((key, text),) = net_findings(report, "not-understood")
    assert key == "solver"
    assert text == (
        f"made for a fork of Caffe: lr_policy {policy} is not understood and was not checked"
    )


def test_without_a_solver_nothing_is_said(tmp_path):
    assert scan_prototxt(tmp_path, small_net()).findings == []
