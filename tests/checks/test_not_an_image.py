from __future__ import annotations

import numpy as np

from datascan.checks.not_an_image import NotAnImage
from datascan.decoders.image.header import describe_content
from datascan.records.block import Fault
from datascan.testing.blocks import block_of, finding

PAGE = b"<!DOCTYPE html>\n<html><head><title>\n 403  Forbidden</title></head><body>no</body></html>"


def block_with(*contents):
    faults = [
        Fault(row, "not-an-image", describe_content(content))
        for row, content in enumerate(contents)
    ]
    return block_of(np.zeros((len(contents), 1)), faults=tuple(faults))


def test_equal_pages_are_named_once():
    said = finding(NotAnImage, block_with(PAGE, PAGE, b"%PDF-1.7"), block_with(PAGE))
    assert said.message == "4 of 4 records are not images; 3 files are the page '403 Forbidden'"
    assert said.named[3] == "the page '403 Forbidden'"


def test_a_single_page_needs_no_group():
    said = finding(NotAnImage, block_with(PAGE, b"%PDF-1.7"))
    assert said.message == "2 of 2 records are not images"


def test_pages_without_a_title():
    for content in (b"<html>" + bytes(9), b"<html><title></title>", b"<html><title>" + b"x" * 300):
        assert describe_content(content) == "looks like an HTML page"
    entities = b"<html><title lang='de'>Zugriff &amp; mehr</title>"
    assert describe_content(entities) == "the page 'Zugriff & mehr'"
