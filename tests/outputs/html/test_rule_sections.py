"""The pages of rules on the page of a report."""

from __future__ import annotations

from datascan.outputs.html.rule_sections import sections
from datascan.report import rule_pages


def test_the_page_of_a_rule_has_all_its_parts_why_first():
    for rule in rule_pages.all_rules():
        headings = [section.heading for section in sections(rule)]
        assert headings[0] == "Why it breaks training"
        assert len(headings) == 7
        assert all(section.paragraphs for section in sections(rule))
    assert "<code>convert_imageset --shuffle</code>" in str(sections("batch-label-gap"))
