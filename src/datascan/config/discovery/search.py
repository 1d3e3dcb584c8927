"""Which configuration file holds: the nearest one of the same repository and the same owner.

A file that was not named may come from a stranger: from the owner of a shared folder, or out of an
archive. As git does with its own (``safe.directory``), it is used only if it belongs to the user,
and, above the working folder, only up to the top of the repository. Environment variables of git
have no effect. A file that is passed over is named, with the reason.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator
from pathlib import Path
from shlex import quote

from msgspec import Struct

from datascan.config.file import ConfigFile, has_tool_table, read, read_config
from datascan.config.toml import parse_toml
from datascan.errors import UsageError
from datascan.files import MAX_CONFIG_BYTES, open_regular, read_at_most, user_id

NAMES = ("datascan.toml", "pyproject.toml")
USER_ID = r"(?a)\d{1,10}"
OTHER_USER = "it belongs to another user"


class PassedOver(Struct, frozen=True):
    """A configuration file that was found but is not used, and why."""

    file: Path
    reason: str

    def __str__(self) -> str:
        option = f"--config {quote(str(self.file))}"
        return f"{self.file} is not used: {self.reason}; {option} uses it"


class FoundConfig(Struct, frozen=True):
    """The configuration that holds, if any, and nearer files that are not used.

    Without a configuration, ``passed_over`` also has the nearest file that is too far up.
    """

    config: ConfigFile | None
    passed_over: tuple[PassedOver, ...] = ()


def find_config(named: Path | None = None, start: Path | None = None) -> FoundConfig:
    """The configuration that is named, else the nearest one that may be used.

    Args:
        named: the file that the user chose; it is always used.
        start: where to search, instead of the working folder.

    Raises:
        UsageError: if the file cannot be read, or has a value that is not allowed.
    """
    if named is not None:
        return FoundConfig(read(named))
    try:
        # The real path, not the one that the shell took.
        here = Path(os.path.realpath(start or Path.cwd()))
    except FileNotFoundError:  # the working folder was removed
        return FoundConfig(None)
    top = repository_of(here)
    root = top or here
    refused: list[PassedOver] = []
    for found in nearest_first(here, root):
        if isinstance(found, ConfigFile):
            return FoundConfig(found, tuple(refused))
        refused.append(found)
    far = next(files_above(root, is_repository=top is not None), None)
    return FoundConfig(None, (*refused, *([far] if far else [])))


def repository_of(folder: Path) -> Path | None:
    """The nearest folder at or above ``folder`` that has a ``.git``, also that of a worktree."""
    places = (folder, *folder.parents)
    return next((place for place in places if os.path.lexists(place / ".git")), None)


def nearest_first(here: Path, root: Path) -> Iterator[ConfigFile | PassedOver]:
    """The configuration files from ``here`` up to ``root``, the top of the repository."""
    for folder in (here, *here.parents):
        for name in NAMES:
            if os.path.lexists(folder / name):
                found = examine(folder / name, root)
                yield from () if found is None else (found,)
        if folder == root:
            return


def files_above(root: Path, *, is_repository: bool) -> Iterator[PassedOver]:
    """The configuration files in the folders above ``root``, none of which is used."""
    reason = f"it is outside of the repository {root}"
    if not is_repository:
        reason = "it is above the working folder, which is not in a repository"
    for folder in root.parents:
        for file in (folder / name for name in NAMES):
            if has_settings(file):
                yield PassedOver(file, reason if is_own(file) else OTHER_USER)


def examine(file: Path, root: Path) -> ConfigFile | PassedOver | None:
    """The configuration in ``file``, or why it is not used; None if it has no settings.

    Raises:
        UsageError: if it may be used but cannot be read, or has a value that is not allowed.
    """
    reason = why_not(file, root)
    if reason is not None:
        return PassedOver(file, reason) if has_settings(file) else None
    try:
        # By its real path, so that a link that changes meanwhile is not followed.
        with open_regular(Path(os.path.realpath(file))) as opened:
            if os.fstat(opened.fileno()).st_uid not in trusted_owners():
                return PassedOver(file, OTHER_USER)
            content = parse_toml(read_at_most(opened, MAX_CONFIG_BYTES, file), file)
    except OSError as error:
        raise UsageError(f"cannot read {file}: {error.strerror}") from error
    if file.name == "pyproject.toml" and not has_tool_table(content):
        return None
    return read_config(file, content, root=root)


def why_not(file: Path, root: Path) -> str | None:
    """Why a file is not used; None if it may be used."""
    if not is_own(file):
        return OTHER_USER
    if not Path(os.path.realpath(file)).is_relative_to(root):
        return f"it is a link out of {root}"
    return None if file.is_file() else "it is not a regular file"


def is_own(file: Path) -> bool:
    """Whether a file, and the link that leads to it, if it is one, belong to the user."""
    try:
        owners = {file.lstat().st_uid, file.stat().st_uid}
    except OSError:
        return False
    return owners <= trusted_owners()


def trusted_owners() -> set[int]:
    """The user, and under sudo the user who called it, as git has it."""
    user = user_id()
    caller = os.environ.get("SUDO_UID", "") if user == 0 else ""
    return {user, int(caller)} if re.fullmatch(USER_ID, caller) else {user}


def has_settings(file: Path) -> bool:
    """Whether a file that is not used would have had settings; False if it cannot be read."""
    try:
        mode = file.lstat().st_mode
        if file.name != "pyproject.toml":
            return not stat.S_ISDIR(mode)
        with open_regular(file) as opened:
            return has_tool_table(parse_toml(read_at_most(opened, MAX_CONFIG_BYTES, file), file))
    except (OSError, UsageError):
        return False
