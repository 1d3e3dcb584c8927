"""Scans a net and its sources, each source with the net's own settings."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar, Unpack

from datascan._version import __version__
from datascan.caffe.net.image_lists import explain_unjoined_root, find_image_folder
from datascan.caffe.net.sources import DataSource, Missing, locate
from datascan.caffe.net.training import Training, read_training
from datascan.caffe.rules.base import NetContext, evaluate_rules
from datascan.checks.base import Check, Issue
from datascan.checks.constant_feature import ConstantFeature
from datascan.config.identity import DatasetIdentity
from datascan.config.options import NetTargets, Options, ScanKeywords
from datascan.errors import DatasetError
from datascan.executors.base import NullProgress, Progress
from datascan.plugins import NET_RULES
from datascan.readers.base import Reader, detect_reader, open_reader
from datascan.report.build import build_report, is_failing, issue_sort_key, to_finding
from datascan.report.charts import add_charts
from datascan.report.figures import DatasetInfo
from datascan.report.model import DatasetReport, LogReport, NetReport, SourceReport
from datascan.report.rule_pages import all_rules
from datascan.scanner.baseline_filter import BaselineFilter
from datascan.scanner.result import ScanResult
from datascan.scanner.scan import scan as scan_with
from datascan.session import apply_baseline, select_checks, select_rules
from datascan.text import escape_surrogates

REQUIRED_CHECKS: tuple[type[Check[Any]], ...] = (ConstantFeature,)
"""Checks that rules about nets depend on: they always run, even if they are not selected."""

K = TypeVar("K", NetReport, LogReport)

Use = Callable[[ScanResult, DataSource], None]
"""Receives a scan while its dataset is still open."""


@dataclass(frozen=True, slots=True)
class Scan:
    """The report of a source, and the issues that the net's rules may use."""

    report: SourceReport
    found: tuple[Issue, ...]


@dataclass(slots=True)
class SourceScans:
    """Scans the sources of a training; a store that is read twice with equal settings, only once.

    ``use`` receives each scan as reported. ``look`` receives the complete scan, before the baseline
    is applied: it includes issues of the checks in ``evidence``, selected or not.
    """

    options_for: Callable[[Path], Options]
    progress: Progress | None = None
    use: Use = lambda *_: None
    evidence: Sequence[type[Check[Any]]] = REQUIRED_CHECKS
    look: Use = lambda *_: None
    finished: dict[
        tuple[str, tuple[Path, ...], Options], tuple[DatasetReport, tuple[Issue, ...]]
    ] = field(default_factory=dict)
    source_issues: list[Issue] = field(default_factory=list)
    backends: dict[DataSource, str] = field(default_factory=dict)

    def run(self, training: Training) -> dict[DataSource, Scan]:
        """Scan all sources; one that cannot be scanned becomes one of ``source_issues``."""
        found: dict[DataSource, Scan] = {}
        for source in training.sources:
            try:
                found[source] = self.scan(source, training)
            except DatasetError as error:
                self.source_issues.append(source_issue("damaged-store", source, str(error)))
            except Missing as missing:
                self.source_issues.append(source_issue("missing-file", source, str(missing)))
            else:
                if not found[source].report.complete:
                    break
        return found

    def scan(self, source: DataSource, training: Training) -> Scan:
        """Scan one source.

        Raises:
            Missing: if it does not exist.
            DatasetError: if it cannot be read.
        """
        paths, options = source_options(
            source, training, self.options_for(source.path or training.path)
        )
        if source.backend == "hdf5":
            for line in hdf5_paths(source, training)[1]:
                self.source_issues.append(
                    source_issue("missing-file", source, unlisted_images(line, source))
                )
        if source.backend == "images" and (text := explain_unjoined_root(source, training)):
            self.source_issues.append(source_issue("missing-file", source, text))
        backend = actual_backend(source, paths[0])
        self.backends[source] = backend
        # The baseline identifies a source by the path in the net, which may be that of a list.
        key = (backend, (source.path or Path(), *paths), options)
        if key not in self.finished:
            with closing(open_reader(paths, options, backend)) as reader:
                self.finished[key] = self._scanned(reader, options, source)
        report, found = self.finished[key]
        of_source = SourceReport.of(
            report,
            phase=source.phase,
            batch_size=source.batch_size or None,
            num_classes=source.num_classes,
            layer=escape_surrogates(source.layer),
        )
        return Scan(of_source, found)

    def _scanned(
        self, reader: Reader, options: Options, source: DataSource
    ) -> tuple[DatasetReport, tuple[Issue, ...]]:
        chosen = select_checks(options)
        known = {check.rule for check in chosen}
        silenced = (kind for kind in self.evidence if kind.rule not in known)
        further = [kind().configure(options.check) for kind in silenced]
        scanned = scan_with(reader, [*chosen, *further], self.progress)
        silent = {check.rule for check in further}
        selected = tuple(j for j in scanned.issues if j.rule not in silent)
        rules = tuple(rule for rule in scanned.rules if rule not in silent)
        reported = apply_baseline(
            replace(scanned, issues=selected, rules=rules), self.progress, source.path
        )
        report = build_report(reported, version=__version__)
        if options.run.charts:
            report = add_charts(report, reported, self.progress or NullProgress())
        self.look(scanned, source)
        self.use(reported, source)
        return report, scanned.issues


def scan_net(
    path: str | Path,
    solver: str | Path | None = None,
    root: str | Path | None = None,
    *,
    data: bool = True,
    thumbnails: bool = True,
    **options: Unpack[ScanKeywords],
) -> NetReport:
    """Check a net (or a solver that names one) and scan every dataset that it reads.

    Args:
        path: the prototxt of the net or solver.
        solver: the prototxt of the net's solver.
        root: the folder in which relative sources are searched for first.
        thumbnails: as for :func:`datascan.scan`.
        data: whether to scan the sources; if False, only the net is checked.
        options: as for :func:`datascan.scan`; batch sizes and classes come from the net.

    Raises:
        DatasetError: if a prototxt does not exist or does not parse.
        UsageError: if an option is invalid.
    """
    asked = Options.from_keywords(**options).replace(charts=thumbnails)
    training = read_training(
        Path(path), Path(solver) if solver else None, Path(root) if root else None
    )
    return run_net(training, lambda _: asked, data=data)


def run_net(
    training: Training,
    options_for: Callable[[Path], Options],
    *,
    data: bool = True,
    progress: Progress | None = None,
    use: Use = lambda *_: None,
) -> NetReport:
    """The report of a parsed net; ``use`` receives the scan of each source."""
    options = options_for(training.path)
    rules = select_rules(options, NET_RULES)
    scans = SourceScans(options_for, progress, use)
    found = scans.run(training) if data else {}
    evidence = NetContext(
        training,
        {source: scan.report for source, scan in found.items()},
        scans.backends,
        {source: scan.found for source, scan in found.items()},
    )
    judgements = [*evaluate_rules(rules, evidence), *keep_selected(scans.source_issues, options)]
    return net_report(training, judgements, [scan.report for scan in found.values()], options)


def keep_selected(judgements: list[Issue], options: Options) -> Iterator[Issue]:
    """The issues of rules that are selected and not ignored."""
    for judgement in judgements:
        chosen = not options.check.select or judgement.rule in options.check.select
        if chosen and judgement.rule not in options.check.ignore:
            yield judgement


def net_report(
    training: Training, judgements: list[Issue], sources: list[SourceReport], options: Options
) -> NetReport:
    """The report of a net, with the reports of its sources, whose findings count as well."""
    dataset = DatasetInfo(
        "net",
        escape_surrogates(str(training.path)),
        "caffe-net",
        sum(report.dataset.records for report in sources),
        sum(report.dataset.bytes for report in sources),
    )
    judgements = apply_policy(judgements, options, DatasetIdentity((training.path,)))
    return combined_report(NetReport, dataset, judgements, sources, options, sources=sources)


def combined_report(
    kind: Callable[..., K],
    dataset: DatasetInfo,
    judgements: list[Issue],
    sources: list[SourceReport],
    options: Options,
    /,
    **members: object,
) -> K:
    """A report of type ``kind``; it fails if one of its sources does."""
    failed = is_failing(judgements, options.verdict.fail_on) or not all(r.passed for r in sources)
    return kind(
        schema="datascan-report/1",
        datascan=__version__,
        complete=all(report.complete for report in sources),
        verdict="fail" if failed else "pass",
        elapsed_seconds=round(sum(report.elapsed_seconds for report in sources), 3),
        dataset=dataset,
        findings=[to_finding(judgement) for judgement in sorted(judgements, key=issue_sort_key)],
        started=datetime.now().astimezone().isoformat(timespec="seconds"),
        fail_on=options.verdict.fail_on,
        rules=sorted(rule.rule for rule in select_rules(options, NET_RULES)),
        **members,
    )


def apply_policy(
    judgements: list[Issue], options: Options, identity: DatasetIdentity
) -> list[Issue]:
    """Apply the configured severities to the issues, and mark those that the baseline accepts."""
    asked = dict(options.verdict.severity)
    found = [replace(j, severity=asked.get(j.rule, j.severity)) for j in judgements]
    if options.verdict.baseline is None:
        return found
    accepting = BaselineFilter(options.verdict.baseline.of_dataset(identity))
    return [part for judgement in found for part in accepting.parts(judgement)]


def source_options(
    source: DataSource, training: Training, options: Options
) -> tuple[tuple[Path, ...], Options]:
    """The paths to scan for a source, and the options that the net implies.

    Raises:
        Missing: if the source does not exist.
    """
    if source.path is None:
        raise Missing(missing_text(source))
    size = source.records_an_iteration
    is_auto = source.label_type == "auto"
    given = options.replace(
        batch_sizes=(size,) if size else options.check.batch_sizes,
        num_classes=source.num_classes or (options.check.num_classes if is_auto else None),
        label_type=options.check.label_type if is_auto else source.label_type,
        targets=targets_of(source, training),
    )
    if source.backend == "hdf5":
        from datascan.readers.hdf5.files import label_width  # noqa: PLC0415

        files, missing = hdf5_paths(source, training)
        if not files:
            raise Missing(unlisted_images(missing[0], source))
        given = given.replace(data_key=data_top(source), label_key=source.label_top)
        if label_width(files[0], source.label_top) > 1:
            # Label images and sequences: the meaning of a single number is unknown.
            given = given.replace(label_type="none", num_classes=None, targets=None)
        return files, given
    if source.backend == "images":
        return (find_image_folder(source, training),), given.replace(list_file=source.path)
    return (source.path,), given


def unlisted_images(line: str, source: DataSource) -> str:
    """The message for a listed file that does not exist."""
    return f"{line}, listed in {source.path}, does not exist"


def missing_text(source: DataSource) -> str:
    """The message for a source that does not exist, with the paths that were tried."""
    if not source.given:
        return f"the {source.type} layer names no source"
    paths = ", ".join(str(path) for path in source.tried)
    return f"source {source.given} does not exist (tried {paths})"


def data_top(source: DataSource) -> str | None:
    """The HDF5 dataset that holds the records: the first top that is not the label."""
    return next((top for top in source.tops if top != source.label_top), None)


def hdf5_paths(source: DataSource, training: Training) -> tuple[tuple[Path, ...], tuple[str, ...]]:
    """The files that an HDF5 list names, and the lines whose files do not exist.

    Caffe resolves them relative to its working directory.

    Raises:
        DatasetError: if the list cannot be read or is empty.
    """
    from datascan.readers.hdf5.files import is_hdf5, list_lines  # noqa: PLC0415

    path = source.path or Path()
    if is_hdf5(path):
        raise DatasetError(
            f"source {path} is an HDF5 file: Caffe expects a text file that lists HDF5 files"
        )
    if path.is_dir():
        raise DatasetError(f"source {path} is a folder, not a list of HDF5 files")
    lines = list_lines(path)
    if not lines:
        raise DatasetError(f"source {path} lists no files")
    there = [locate(line, (*training.places, path.parent))[0] for line in lines]
    missing = (line for line, file in zip(lines, there, strict=True) if file is None)
    return tuple(file for file in there if file), tuple(missing)


def targets_of(source: DataSource, training: Training) -> NetTargets:
    """How the net uses a source's labels."""
    counting = (x for x in training.losses if x.counts_labels and x.phase == source.phase)
    by_counts = next(counting, None)
    return NetTargets(
        outputs=source.num_classes,
        layer=source.fed_by or "",
        loss=source.loss.layer if source.loss else "an Accuracy",
        ignore_label=source.ignore_label,
        counted_by=f"loss {by_counts.layer} ({by_counts.type})" if by_counts else None,
    )


def actual_backend(source: DataSource, path: Path) -> str:
    """The backend of a store: the detected one, or the net's if that fails or does not apply."""
    if source.type != "Data":
        return source.backend
    try:
        found = detect_reader(path)
    except DatasetError:
        return source.backend
    return found if found in ("lmdb", "leveldb") else source.backend


def source_issue(rule: str, source: DataSource, text: str) -> Issue:
    """An issue of a dataset rule about a source that cannot be scanned."""
    kind = all_rules()[rule]
    return Issue(
        rule,
        kind.severity,
        f"layer {source.layer}: {text}",
        SOURCE_FIX,
        details=(text,),
        keys=(source.layer,),
    )


SOURCE_FIX = (
    "correct the source in the net, or pass the folder of relative sources with --root; "
    "Caffe searches its working directory"
)
