"""Reports on image folders."""

from __future__ import annotations

from datascan.config.options import Options
from datascan.plugins import CHECKS as CHECK_RULES
from datascan.plugins import load, rule_target
from datascan.readers.image_folder.reader import ImageFolderReader
from datascan.report.build import build_report
from datascan.scanner.scan import scan

CHECKS = [load(rule_target(rule))() for rule in CHECK_RULES]


def report(path, **options):
    options = {"batch_sizes": (1000,), **options}
    return build_report(
        scan(ImageFolderReader((path,), Options().replace(**options)), CHECKS), version="test"
    )


def found(path, **options):
    return {
        finding.rule: [(e.index, e.key) for e in finding.examples]
        for finding in report(path, **options).findings
    }
