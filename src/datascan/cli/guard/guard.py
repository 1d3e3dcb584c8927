"""The guard of all outputs: asked before the scan, and again before anything is replaced."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from msgspec import Struct, field

from datascan.cli.files import descriptor_number, translated_errors
from datascan.cli.guard.data_names import is_data_name
from datascan.cli.guard.identity import state
from datascan.cli.guard.inputs import Inputs
from datascan.cli.guard.own_files import EMPTY, REPORT, recognise
from datascan.errors import OutputError, UsageError
from datascan.files import resolve_own_links


class Guard(Struct, frozen=True, kw_only=True):
    """Decides whether an output may be written.

    Attributes:
        inputs: what the command reads.
        force: whether files that datascan did not write may be replaced. Files that are read are
            never replaced.
    """

    inputs: Inputs = field(default_factory=Inputs)
    force: bool = False

    def check(self, label: str, path: Path, kind: str = REPORT) -> None:
        """Check that an output may be written to ``path``.

        ``label`` is the option in messages, ``kind`` what is written (``own_files``).

        Raises:
            UsageError: if the path is read, also through a list or a link, or would become a part
                of a dataset.
            OutputError: if it is a file of another origin, and ``force`` is not set.
        """
        with translated_errors(path):
            number = descriptor_number(path)
            if number is not None:
                self.check_descriptor(label, path, number)
                return
            target = resolve_own_links(path)
            found = state(target)
            if self.inputs.names(target, found):
                raise overwrites(label, path)
            inside = self.inputs.contain(target)
            if inside and is_data_name(target.name):
                raise overwrites(label, path)
            if found is not None and stat.S_ISREG(found.st_mode):
                self.check_existing(label, path, found, kind, inside=inside)

    def check_appended(self, label: str, path: Path) -> None:
        """Check that a file may be appended to: it may be of any origin, but must not be read.

        Raises:
            UsageError: if it is read, also by another name, or is part of a dataset.
            OutputError: if that cannot be found out.
        """
        with translated_errors(path):
            target = resolve_own_links(path)
            found = state(target)
            is_data = self.inputs.contain(target) and is_data_name(target.name)
            if is_data or self.inputs.names(target, found):
                raise overwrites(label, path)
            # The search takes time, and without another name there is nothing to find.
            if found is None or found.st_nlink == 1:
                return
            if self.inputs.refer_to(path, found):
                raise overwrites(label, path)

    def check_descriptor(self, label: str, path: Path, number: int) -> None:
        """Check what the shell has opened, whose content it has cut off or appends to.

        Raises:
            UsageError: if it is read.
        """
        found = os.fstat(number)
        if not stat.S_ISREG(found.st_mode):
            return
        try:
            target = Path(f"/proc/self/fd/{number}").readlink()
        except OSError:  # without /proc
            target = path
        if self.inputs.names(target, found) or (
            self.inputs.contain(target) and is_data_name(target.name)
        ):
            raise overwrites(label, path)

    def check_existing(
        self, label: str, path: Path, found: os.stat_result, kind: str, *, inside: bool
    ) -> None:
        """Check whether a file that exists may be replaced."""
        own = recognise(path)
        is_own = own in (kind, EMPTY)
        if inside and not is_own:
            raise overwrites(label, path)
        if not is_own and not self.force:
            what = "was not written by datascan" if own is None else f"is a {own}, not a {kind}"
            raise OutputError(f"cannot write {path}: it exists and {what} (--force replaces it)")
        if self.inputs.refer_to(path, found, thorough=not is_own):
            raise overwrites(label, path)


def overwrites(label: str, path: Path) -> UsageError:
    """The error for an output that would change what is read."""
    return UsageError(f"{label} would overwrite what is read: {path}")
