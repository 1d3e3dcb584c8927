"""``datascan lmdb``, ``leveldb``, ``hdf5``, ``images`` and ``scan``: scan one dataset."""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

from datascan.cli.arguments import (
    add_option_arguments,
    add_output_arguments,
    add_path_arguments,
    options_of,
)
from datascan.cli.doors import NAMES, TRAINING
from datascan.cli.plan import add_plan_argument
from datascan.config.options import Options
from datascan.plugins import READERS, command_helps, command_module

ANY_FORMAT = (
    "Scan a dataset and report every bad record: an LMDB or LevelDB store, HDF5 files, an image or "
    "a folder of images; or all datasets below a folder, or a Caffe net, solver or training log. "
    "What it is is detected automatically, and the command may be left out: datascan PATH."
)


def add_arguments(command: argparse.ArgumentParser, name: str) -> None:
    """Add the arguments of the scan of one format, or of any of them."""
    command.description = ANY_FORMAT if name == "scan" else f"Scan {command_helps()[name]}."
    add_path_arguments(command, name)
    add_option_arguments(command, name)
    outputs = add_output_arguments(command)
    add_plan_argument(command)
    outputs.add_argument("--bad-records", metavar="FILE", help="every bad record, as JSON Lines")
    command.set_defaults(backend=None if name == "scan" else name)


def run(args: argparse.Namespace) -> int:
    """Scan what the paths are, and write the report. Returns the exit status."""
    from datascan.cli.doors import require_door

    if args.backend is not None:
        # A list says which images to read, and a plug-in's format is not known here.
        if args.backend in READERS and getattr(args, "list_file", None) is None:
            for path in args.paths:
                require_door(path, args.backend)
        return scan_dataset(args, args.paths, args.backend)
    return scan_whatever(args)


def scan_whatever(args: argparse.Namespace) -> int:
    """Scan paths of any kind; returns the exit status."""
    from datascan.cli.doors import find_parts, require_foreign
    from datascan.cli.internal_error import say
    from datascan.cli.output import is_quiet

    exist = [exists(path, args) for path in args.paths]
    if args.list_file is not None or exist == [False] or is_configured(args):
        return scan_dataset(args, args.paths, None)
    parts, notes = find_parts(args.paths)
    if not is_quiet(args):
        for note in notes:
            say(note)
    if len(parts) != 1:
        from datascan.cli.commands.several import scan_parts

        return scan_parts(args, parts)
    (part,) = parts
    if part.door is None:
        require_foreign(part.path)
    if part.door in TRAINING:
        return scan_training(args, part.path, part.door)
    return scan_dataset(args, part.paths, part.door)


def exists(path: Path, args: argparse.Namespace) -> bool:
    """Whether a path exists; the error for the only path of a scan comes after those for outputs.

    Raises:
        UsageError: if it does not exist, and is standard input or a command after options.
        DatasetError: if it does not exist, but others were named.
    """
    from datascan.errors import DatasetError, UsageError
    from datascan.files import explain_absence

    if os.path.lexists(path):
        return True
    if str(path) == "-":
        raise UsageError(
            "- is standard input: datascan log - reads a log, and --list - a list of images"
        )
    if not args.has_command and str(path) in command_helps():
        raise UsageError(f"options follow the command: datascan {path} ... (see datascan --help)")
    if len(args.paths) > 1:
        raise DatasetError(f"no such path: {path}{explain_absence(path)}")
    return False


def is_configured(args: argparse.Namespace) -> bool:
    """Whether the configuration says what the only path is."""
    from datascan.config.discovery.search import find_config

    config = find_config(args.config).config if len(args.paths) == 1 else None
    return config is not None and config.settings_for(args.paths[0]).get("backend") is not None


def scan_training(args: argparse.Namespace, path: Path, door: str) -> int:
    """Check a net, a solver or a log as its own command does; returns the exit status.

    Raises:
        UsageError: if an option was given that the command does not take.
    """
    from datascan.errors import UsageError

    if args.plan:
        raise UsageError(f"{path} is {NAMES[door]}, for which there is no --plan")
    for field in Options.fields():
        if getattr(args, field.name, None) is not None and not field.is_shown(door):
            raise UsageError(f"{path} is {NAMES[door]}, for which there is no {field.flag}")
    module = import_module(command_module(door))
    given = {**vars(args), door: path, "net": path if door == "net" else None}
    given |= {"solver": None, "root": None, "no_data": False, "paths": None}
    status: int = module.run(argparse.Namespace(**given))
    return status


def scan_dataset(args: argparse.Namespace, paths: Sequence[Path], backend: str | None) -> int:
    """Scan one dataset and write the report. Returns the exit status."""
    from datascan.cli.configuration import load_config
    from datascan.cli.internal_error import say
    from datascan.cli.missing import describe_slowness
    from datascan.cli.output import (
        OutputFiles,
        advise,
        exit_status,
        guard_of,
        is_quiet,
        wants_charts,
        with_command,
        write_outputs,
    )
    from datascan.cli.plan import check_plan, print_plan
    from datascan.cli.progress import cancellable
    from datascan.cli.show_hint import show_hint
    from datascan.config.discovery.settings import configured_paths, resolve_settings
    from datascan.report.bad_records import iter_bad_records
    from datascan.session import ScanSession

    config = load_config(args.config)
    settings = resolve_settings(config, paths[0], options_of(args))
    backend = backend or settings.backend
    options = settings.options()
    guard = guard_of(args, paths, settings.paths(), configured_paths(config))
    if args.plan:
        check_plan(args)
        with ScanSession(paths, options, reader=backend) as session:
            return print_plan(args, session)
    files = OutputFiles(args, guard, ("bad-records", "resume"))
    files.check()
    if not is_quiet(args) and (slow := describe_slowness()):
        say(slow)
    with (
        cancellable(args) as (progress, signals),
        ScanSession(paths, options, reader=backend, progress=progress) as session,
    ):
        if session.reader.name != "images":
            refuse_patterns(args)
        report = session.report(charts=wants_charts(args))
        progress.close()
        signals.scanning = False
        files.write("bad-records", lambda: iter_bad_records(session.scan()), counted=True)
    files.failures += progress.failures
    write_outputs(with_command(report, args), args, files)
    if hint := show_hint(report, args, paths):
        files.print(lambda: print(f"\n{hint}"))
    if not report.complete and args.quiet < 2 and (advice := advise(report, args)):
        say(advice)
    return files.finish(exit_status(report, signals), quiet=is_quiet(args))


def refuse_patterns(args: argparse.Namespace) -> None:
    """Check that no files are excluded from a dataset that is not a folder of files.

    Raises:
        UsageError: if they are.
    """
    from datascan.errors import UsageError

    if getattr(args, "exclude", None):
        raise UsageError("--exclude is for folders of images: the records here have keys")
