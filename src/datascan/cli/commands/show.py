"""``datascan show``: one record, found by the index or the key that a report gives."""

from __future__ import annotations

import argparse
import os
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from datascan.cli.arguments import add_flag, add_force_argument
from datascan.config.options import Options

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from datascan.config.option_field import OptionField
    from datascan.outputs.terminal.paper import Paper
    from datascan.report.model import DatasetReport
    from datascan.report.record_view import RecordView
    from datascan.scanner.one_record import OneRecordReader, Wanted
    from datascan.session import ScanSession

DESCRIPTION = (
    "Show one record of a dataset: its fields, shape, label, statistics, the values around the "
    "first NaN, its picture, and what is wrong with it. Paste after the dataset what a report "
    "shows of a record: its key, or 17 for #17."
)

TAKEN = (
    *("db", "data_key", "label_key", "list_file", "follow_links", "max_pixels"),
    *("num_classes", "label_type", "select", "ignore", "severity", "timeout", "max_memory"),
    *("workers", "baseline"),
)
"""The options of a scan that a single record can obey."""

MAX_NEIGHBOURS = 1000
MAX_NAMED = 5
"""How many datasets of a folder are named."""


def add_arguments(command: argparse.ArgumentParser, _name: str) -> None:
    """Add the arguments of the command."""
    command.add_argument("path", type=Path, metavar="PATH", help="the dataset")
    command.add_argument(
        "rest",
        nargs="*",
        metavar="KEY|INDEX",
        help="the record: its key, or its number, counted from 0 (more HDF5 files may precede it)",
    )
    command.add_argument("--index", metavar="N", help="the record with this number")
    command.add_argument("--key", metavar="KEY", help="the record with this key, even if digits")
    command.add_argument(
        "--neighbours", metavar="N", default="0", help="also a line for the N records on each side"
    )
    command.add_argument(
        "--save",
        type=Path,
        metavar="FILE",
        help="write its picture (.png), its values (.npy), or the image file as it is",
    )
    command.add_argument("--no-picture", action="store_true", help="draw no picture")
    command.add_argument("-q", "--quiet", action="count", default=0, help="print nothing")
    command.add_argument(
        "--backend", metavar="FORMAT", help="lmdb, leveldb, hdf5 or images; else detected"
    )
    for field in taken_fields():
        add_flag(command, field)
    command.add_argument("--config", type=Path, metavar="FILE", help="in place of datascan.toml")
    add_force_argument(command)


def taken_fields() -> list[OptionField]:
    """The options that the command takes."""
    return [field for field in Options.fields() if field.name in TAKEN]


def run(args: argparse.Namespace) -> int:
    """Show the record. Returns 1 if it has an error, 0 otherwise; 2 if there is no such record."""
    from datascan.cli.arguments import options_of
    from datascan.cli.configuration import load_config
    from datascan.cli.output import OutputFiles, guard_of
    from datascan.cli.progress import cancellable
    from datascan.config.discovery.settings import configured_paths, resolve_settings
    from datascan.readers.base import open_reader
    from datascan.scanner.one_record import OneRecordReader
    from datascan.session import ScanSession

    wanted = take_record(args)
    neighbours = parse_whole(args.neighbours, "--neighbours", MAX_NEIGHBOURS)
    config = load_config(args.config)
    settings = resolve_settings(config, args.paths[0], options_of(args, taken_fields()))
    if (args.backend or settings.backend) is None and args.list_file is None:
        require_one(args.paths[0])
    saved, args.save = args.save, None if args.save is None else str(args.save)
    guard = guard_of(args, settings.paths(), configured_paths(config))
    files = OutputFiles(args, guard, ("save",))
    files.check()
    save = kind_of_save(saved)
    options = single(
        settings.options(limit=None, sample=None, resume=None, fail_fast=False, max_time=None)
    )
    reader = OneRecordReader(
        open_reader(args.paths, options, args.backend or settings.backend), wanted, neighbours
    )
    args.no_progress = False
    with (
        cancellable(args) as (progress, _signals),
        ScanSession(args.paths, options, reader=reader, progress=progress) as session,
    ):
        report = session.report(charts=False)
        progress.close()
        view, around = look(session, reader, report, picture=wants_picture(args), save=save)
    if save:
        require_saved(view, saved, save)
        files.write("save", lambda: [view.saved])
    if not args.quiet:
        print_record(report, view, around, reader, args)
    status = any(one.severity == "error" and not one.accepted for one in report.findings)
    return files.finish(int(status), quiet=bool(args.quiet))


def take_record(args: argparse.Namespace) -> Wanted:
    """Which record is wanted; the arguments get ``paths``, those of the dataset.

    Raises:
        UsageError: if no record is named, or two are.
    """
    from datascan.errors import UsageError
    from datascan.scanner.one_record import Wanted

    named = [one for one in (args.index, args.key) if one is not None]
    words = [os.fspath(args.path), *args.rest]
    if len(named) == 2:
        raise UsageError("--index and --key name two records")
    if not named and len(words) < 2:
        raise UsageError(
            f"which record? datascan show {words[0]} KEY|INDEX (shells drop what follows #: "
            "17 is record #17)"
        )
    record = "" if named else words.pop()
    args.paths, args.rest = [Path(word) for word in words], []
    if args.index is not None:
        return Wanted(index=parse_whole(args.index.removeprefix("#"), "--index", 1 << 62))
    return Wanted(text=record, key=args.key)


def require_one(path: Path) -> None:
    """Check that a path is a dataset, not a folder of datasets, a net or a log.

    Raises:
        UsageError: if it is not; names the datasets of a folder.
    """
    from datascan.cli.doors import find_door, quote, require_dataset
    from datascan.errors import UsageError

    require_dataset(path)
    if find_door(path) == "folder":
        from datascan.readers.dataset_search import find_datasets

        found = [one.path for one in find_datasets(path).datasets]
        if path in found:  # images, with stores among them
            return
        more = ", ..." if len(found) > MAX_NAMED else ""
        named = ", ".join(map(quote, found[:MAX_NAMED]))
        raise UsageError(f"{path} is a folder of datasets, name one of them: {named}{more}")


def parse_whole(text: str, flag: str, most: int) -> int:
    """The whole number that was given for a flag.

    Raises:
        UsageError: if it is not one, below 0 or too large.
    """
    from datascan.errors import UsageError

    if not (text.isascii() and text.isdecimal() and len(text) < 20 and int(text) <= most):
        raise UsageError(f"{flag} must be a whole number from 0 to {most:,}, not {text!r}")
    return int(text)


def single(options: Options) -> Options:
    """The options for one record: without the rules that compare records."""
    from datascan.scanner.one_record import WHOLE_RULES

    ignored = tuple(dict.fromkeys((*options.check.ignore, *WHOLE_RULES)))
    return options.replace(ignore=ignored)


def kind_of_save(path: Path | None) -> str:
    """What the extension of a file to save asks for: "png", "npy" or "own"; "" without a file.

    Raises:
        UsageError: for any other extension.
    """
    from datascan.errors import UsageError

    if path is None:
        return ""
    extension = path.suffix.lower()
    if extension in {".png", ".npy"}:
        return extension[1:]
    from datascan.decoders.image.header import format_from_name

    if format_from_name(path.name) is None:
        raise UsageError(
            f"--save writes .png (the picture), .npy (the values) or an image as it is, not {path}"
        )
    return "own"


def wants_picture(args: argparse.Namespace) -> bool:
    """Whether the terminal can show a picture, and may."""
    from datascan.outputs.terminal.picture import find_method

    return not (args.no_picture or args.quiet) and find_method(sys.stdout) != ""


def look(
    session: ScanSession,
    reader: OneRecordReader,
    report: DatasetReport,
    *,
    picture: bool,
    save: str,
) -> tuple[RecordView, list[RecordView]]:
    """The view of the record, and those of its neighbours with itself, in store order."""
    from datascan.executors.base import ignore_done, ignore_tick
    from datascan.report.record_view import RecordView, ViewTask

    plan = session.scan().summary.plan
    executor = session.reader.executor(plan)
    crash = next((one for one in report.findings if one.rule == "reader-crash"), None)
    if crash is not None or not plan.shards:  # it would crash, or take too long, once more
        key = next((e.key for f in report.findings for e in f.examples if e.key), "?")
        return RecordView(key=key, nbytes=0, faults=(("reader-crash", ""),)), []

    def views(task: ViewTask, shards: Sequence[Any]) -> Iterator[RecordView]:
        found = executor.map(task, shards, on_tick=ignore_tick, on_done=ignore_done)
        for pieces in found:
            for piece in pieces:
                yield from piece

    task = ViewTask(session.reader, content=True, picture=picture, save=save, is_bgr=plan.is_bgr)
    (view,) = views(task, plan.shards)
    return view, [*views(ViewTask(session.reader), reader.around)] if reader.around else []


def require_saved(view: RecordView, path: Path, save: str) -> None:
    """Check that there is something to save.

    Raises:
        UsageError: if the record has no picture, no values, or is an image of another format.
    """
    from datascan.decoders.image.header import format_from_name
    from datascan.errors import UsageError

    if save == "own" and view.encoding != format_from_name(path.name):
        what = f"a {view.encoding} image" if view.encoding else "not an encoded image"
        raise UsageError(f"the record is {what}: {path} would have the wrong extension")
    if view.saved is None:
        what = {"png": "picture", "npy": "values"}.get(save, "image")
        raise UsageError(f"the record has no {what} that could be written to {path}")


def print_record(
    report: DatasetReport,
    view: RecordView,
    around: Sequence[RecordView],
    reader: OneRecordReader,
    args: argparse.Namespace,
) -> None:
    """Print the record on standard output, with its picture if the terminal shows any."""
    from datascan.outputs.terminal import picture, record

    paper = paper_for_stdout()
    place, names = reader.place, reader.whole.class_names
    notes = [place.note] if place.note else []
    text = record.render(report, view, index=place.index, notes=notes, names=names, paper=paper)
    if view.picture is not None:
        text += picture.render(view.picture, picture.find_method(sys.stdout), paper.width)
    if around:
        text += "\n" + "".join(
            f"{line}\n" for line in record.neighbour_lines(numbered(around, reader), names, paper)
        )
    print(text, end="")
    print_hint(args, paper)


def numbered(
    around: Sequence[RecordView], reader: OneRecordReader
) -> list[tuple[int | None, RecordView, bool]]:
    """The neighbours with their indices, and which of them is the record."""
    place = reader.place
    at = 0
    for shard in reader.around:
        if shard.index == place.shard and shard.first <= place.row < (shard.last or 0):
            at += place.row - shard.first
            break
        at += (shard.last or 0) - shard.first
    first = None if place.index is None else place.index - at
    return [(None if first is None else first + i, one, i == at) for i, one in enumerate(around)]


def print_hint(args: argparse.Namespace, paper: Paper) -> None:
    """Say what was not judged, and how to."""
    import shlex

    paths = shlex.join(map(str, args.paths))
    text = f"Duplicates, odd shapes and sizes need the whole dataset: datascan scan {paths}"
    for line in paper.wrap(paper.plain(text), "", "  "):
        print(paper.paint(line, "faint"))


def paper_for_stdout() -> Paper:
    """The properties of standard output."""
    from datascan.outputs.terminal.paper import Paper, supports_unicode, use_colour

    width = shutil.get_terminal_size((100, 24)).columns if sys.stdout.isatty() else 100
    return Paper(use_colour(sys.stdout), width, supports_unicode(sys.stdout))
