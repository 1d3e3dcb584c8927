"""The titles of rules in plain words, as the outputs show them with the rules' names."""

from __future__ import annotations

from datascan.checks.base import Rule, load_rules
from datascan.plugins import CHECKS, NET_RULES, plugins_of
from datascan.report.figures import DatasetInfo, Finding

IMAGE_LAYOUTS = ("image", "ocr")
"""The layouts of stores whose records are encoded images."""


def holds_images(backend: str, layout: str) -> bool:
    """Whether the records of a dataset are encoded images, and can be called pictures."""
    return backend == "images" or layout in IMAGE_LAYOUTS


def rule_title(rule: str, *, images: bool = False) -> str:
    """What ``rule`` finds, in plain words; of an unknown rule, the words of its name."""
    known = rule in CHECKS or rule in NET_RULES or rule in plugins_of("check")
    kind = load_rules((rule,))[rule] if known else None
    return class_title(kind, images=images) if kind is not None else title_from_name(rule)


def class_title(kind: type[Rule], *, images: bool = False) -> str:
    """The title of a rule, given its class; rules of other packages may not have one."""
    title = (images and kind.image_title) or kind.title
    return title if title and isinstance(title, str) else title_from_name(kind.rule)


def title_from_name(rule: str) -> str:
    """The name of a rule as words: "too-bright" becomes "Too bright"."""
    words = rule.replace("-", " ")
    return words[:1].upper() + words[1:]


def finding_title(finding: Finding, dataset: DatasetInfo) -> str:
    """The title of a finding; reports of datascan 0.1 have none, so that of its rule."""
    images = holds_images(dataset.backend, dataset.layout)
    return finding.title or rule_title(finding.rule, images=images)
