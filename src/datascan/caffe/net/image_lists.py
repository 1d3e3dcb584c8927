"""The lists that ImageData layers read: which folder their files are in.

Source: Caffe, src/caffe/layers/image_data_layer.cpp.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from datascan.caffe.net.sources import DataSource, Missing, exists
from datascan.caffe.net.training import Training
from datascan.files import open_regular

MAX_FIRST_LINE = 1 << 16
MAX_HEAD = 1 << 16
"""The part of a list that decides whether it is one, in bytes."""


def find_image_folder(source: DataSource, training: Training) -> Path:
    """The folder that an image list is relative to: the one that holds the first listed file.

    Raises:
        Missing: if there is no such folder.
    """
    from datascan.readers.image_folder.listing import resolve_path  # noqa: PLC0415  (only sources with lists need it)

    folders = [place / (source.root_folder or "") for place in training.places]
    folders = [folder for folder in folders if exists(folder) and folder.is_dir()]
    if not folders:
        raise Missing(f"root_folder {source.root_folder} does not exist")
    name = read_first_name(source)
    near = (f for f in folders if name and exists(Path(resolve_path(str(f), name))))
    return next(near, folders[0])


def read_first_name(source: DataSource) -> str:
    """The first file of an image list; "" if it lists none or cannot be read."""
    from datascan.readers.image_folder.list_file import parse_lines  # noqa: PLC0415  (only sources with lists need it)

    try:
        with open_regular(source.path or Path()) as file:
            head = file.read(MAX_FIRST_LINE)
    except OSError:
        return ""
    rows = parse_lines(head.decode("utf-8-sig", "surrogateescape"))
    return next(rows, ("", ""))[0]


def require_listed_images(source: DataSource, folder: Path) -> None:
    """Raise :class:`Missing` if the first lines of an image list do not name images.

    A net may name any file as a list. Its lines are quoted in the report only if it is one.
    """
    from datascan.decoders.image.header import format_from_name  # noqa: PLC0415  (only sources with lists need it)
    from datascan.readers.image_folder.list_file import parse_lines  # noqa: PLC0415  (only sources with lists need it)
    from datascan.readers.image_folder.listing import resolve_path  # noqa: PLC0415  (only sources with lists need it)

    path = source.path or Path()
    try:
        with open_regular(path) as file:
            head = file.read(MAX_HEAD) or b""
    except OSError:
        return  # the reader reports it
    names = [name for name, _ in parse_lines(head.decode("utf-8-sig", "surrogateescape"))]
    # The last line may have been cut.
    names = names[:-1] if len(head) == MAX_HEAD else names
    missing = [name for name in names if not exists(Path(resolve_path(str(folder), name)))]
    require_list(path, len(names), missing, [name for name in missing if format_from_name(name)])


def require_list(path: Path, lines: int, missing: Sequence[str], plausible: Sequence[str]) -> None:
    """Raise :class:`Missing` unless the file at ``path`` is a list.

    Args:
        path: the file.
        lines: how many lines it has.
        missing: those that name no existing file.
        plausible: those of ``missing`` that are at least named like files of the kind.
    """
    found = lines - len(missing)
    if lines and (not found or 2 * (found + len(plausible)) < lines):
        which = f"{found:,} of its {lines:,} lines" if found else f"none of its {lines:,} lines"
        verb = "names" if found < 2 else "name"
        raise Missing(f"source {path} is not a list of files: {which} {verb} an existing file")


def explain_unjoined_root(source: DataSource, training: Training) -> str | None:
    """An error if Caffe, which only concatenates strings, misses a slash after root_folder."""
    root, name = source.root_folder or "", read_first_name(source)
    if not root or root.endswith("/") or name.startswith("/") or not name:
        return None
    if any(exists(place / f"{root}{name}") for place in training.places):
        return None
    return f'root_folder {root} does not end in "/": Caffe looks for {root}{name}'
