"""The built-in plug-ins by name, as strings: listing them imports none of them."""

from __future__ import annotations

READERS = {
    "lmdb": "datascan.readers.lmdb.reader:LmdbReader",
    "leveldb": "datascan.readers.leveldb.reader:LevelDbReader",
    "hdf5": "datascan.readers.hdf5.reader:Hdf5Reader",
    "images": "datascan.readers.image_folder.reader:ImageFolderReader",
}
"""Readers in the order in which they are asked whether a path is theirs."""

DECODERS = {
    "npy": "datascan.decoders.npy:NpyDecoder",
    "image": "datascan.decoders.image.decoder:ImageDecoder",
    "caffe-datum": "datascan.decoders.datum.decoder:DatumDecoder",
    "raw": "datascan.decoders.raw:RawDecoder",
}
"""Decoders in the order in which they are asked whether a value is theirs."""

CHECKS = (
    "animated-image",
    "batch-label-gap",
    "class-imbalance",
    "conflicting-label",
    "constant-feature",
    "constant-record",
    "corrupt-image",
    "damaged-metadata",
    "damaged-store",
    "duplicate-record",
    "empty-class",
    "empty-dataset",
    "empty-record",
    "exif-orientation",
    "extreme-value",
    "inf-value",
    "key-gap",
    "label-beyond-outputs",
    "label-out-of-range",
    "label-shift",
    "length-mismatch",
    "live-writer",
    "malformed-label",
    "malformed-record",
    "misnamed-image",
    "missing-file",
    "missing-label",
    "mixed-channels",
    "nan-value",
    "never-written",
    "non-finite-label",
    "non-integer-label",
    "not-an-image",
    "not-inspected",
    "odd-size",
    "outside-reference",
    "oversized-image",
    "partial-download",
    "reader-crash",
    "record-count-change",
    "record-count-mismatch",
    "shape-mismatch",
    "trailing-bytes",
    "truncated-store",
    "unexpected-class",
    "unexpected-dtype",
    "unexpected-shape",
    "unsupported-image",
    "value-out-of-range",
)
"""Rules about records, in the order in which they are evaluated."""

NET_RULES = (
    "batchnorm-unstable",
    "break-before-log",
    "damaged-log",
    "died",
    "gradient-blow-up",
    "labels-not-binary",
    "loss-broken-in-test",
    "loss-input-not-probability",
    "loss-needs-matrix",
    "loss-saturated",
    "loss-stuck",
    "loss-zero",
    "lr-not-finite",
    "lr-policy-incomplete",
    "nan-from-start",
    "not-understood",
    "pooling-stride-exceeds-kernel",
    "source-mismatch",
    "sudden-nan",
    "unknown-field",
    "unknown-type",
    "unscaled-input",
)
"""Rules about nets, solvers and training logs."""

OUTPUTS = {
    "html": "the report as an HTML page in one file",
    "json": "the report as JSON; - for standard output",
    "junit": "a test case for every rule, as JUnit XML",
    "markdown": "verdict and findings as Markdown, for a review",
    "metrics": "numbers as flat JSON, for DVC, MLflow and Prometheus",
    "sarif": "the findings as SARIF 2.1.0, for code scanning",
}
"""Outputs that write a file, with the help of their options."""

COMMANDS = {
    "lmdb": "an LMDB environment: a folder, or a single file",
    "leveldb": "a LevelDB folder",
    "hdf5": "HDF5 files, or a text file that lists them one a line",
    "images": "a folder of images: with a sub-folder for each class, flat, or with a list",
    "scan": "any of the above; the format is detected automatically",
    "show": "one record: its fields, values, label and picture, and what is wrong with it",
    "init": "find the datasets below a folder, and write datascan.toml for check",
    "check": "scan all datasets that the configuration names: one verdict",
    "net": "a Caffe net with its solver, and every dataset that it reads",
    "log": "a training log: why its loss broke and, for Caffe, on which record",
    "explain": "what a rule means, and how to fix its findings",
    "learn": "write down what a good dataset looks like, to compare others with (--expect)",
    "accept": "accept the findings of a dataset, with a reason (--baseline)",
    "report": "show a report that was saved with --json, or write it in another form",
    "demo": "make a dataset of each kind with faults, scan it, and write HTML reports",
    "completion": "print completion for bash, zsh or fish, or the manual page",
}
"""The commands with their help."""


OWN_OPTIONS = frozenset(
    {
        "backend",
        "bad-records",
        "bad-records-severity",
        "baseline",
        "batch-size",
        "batch-sizes",
        "by",
        "cache",
        "dry-run",
        "command",
        "config",
        "data",
        "data-key",
        "db",
        "exclude",
        "expect",
        "expires",
        "fail-fast",
        "fail-on",
        "file",
        "folder",
        "follow-links",
        "force",
        "github",
        "help",
        "ignore",
        "index",
        "infos",
        "key",
        "label",
        "label-key",
        "label-type",
        "limit",
        "list",
        "list-file",
        "log",
        "max-memory",
        "max-pixels",
        "max-time",
        "neighbours",
        "net",
        "nice",
        "no-data",
        "no-picture",
        "no-progress",
        "no-thumbnails",
        "num-classes",
        "output",
        "path",
        "paths",
        "plan",
        "quiet",
        "reason",
        "rest",
        "resume",
        "root",
        "rule",
        "sample",
        "save",
        "select",
        "severity",
        "shell",
        "solver",
        "terminal",
        "timeout",
        "tolerance",
        "tolerate",
        "typed",
        "verbose",
        "version",
        "workers",
    }
)
"""Options and arguments of the command line, whose names an output cannot have."""


def rule_target(rule: str) -> str:
    """Where the class of a built-in rule is: rule, module and class share one name."""
    package = "checks" if rule in CHECKS else "caffe.rules"
    name = "".join(part.capitalize() for part in rule.split("-"))
    return f"datascan.{package}.{rule.replace('-', '_')}:{name}"


def command_module(name: str) -> str:
    """The module of a command; the scans of all formats share one."""
    module = "scan" if name not in COMMANDS or name in READERS else name
    return f"datascan.cli.commands.{module}"
