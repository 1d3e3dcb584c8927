"""The lists that ImageData layers read: which folder their files lie in.

Source: Caffe, src/caffe/layers/image_data_layer.cpp.
"""

from __future__ import annotations

from pathlib import Path

from datascan.caffe.net.sources import DataSource, Missing, exists
from datascan.caffe.net.training import Training


def image_folder(source: DataSource, training: Training) -> Path:
    """The folder that the files of an image list are relative to: where the first of them lies.

    Raises:
        Missing: where there is no such folder.
    """
    from datascan.readers.image_folder.listing import resolve_path  # noqa: PLC0415

    folders = [place / (source.root_folder or "") for place in training.places]
    folders = [folder for folder in folders if exists(folder) and folder.is_dir()]
    if not folders:
        raise Missing(f"root_folder {source.root_folder} does not exist")
    name = first_name(source)
    near = (f for f in folders if name and exists(Path(resolve_path(str(f), name))))
    return next(near, folders[0])


def first_name(source: DataSource) -> str:
    """The first file of an image list; "" where there is none."""
    from datascan.readers.image_folder.list_file import parse_lines  # noqa: PLC0415

    try:
        with (source.path or Path()).open(encoding="utf-8-sig", errors="surrogateescape") as file:
            rows = parse_lines(file.readline(1 << 16))
    except OSError:
        return ""
    return rows[0][0] if rows else ""


def unjoined(source: DataSource, training: Training) -> str | None:
    """What Caffe makes of a root_folder without a slash at its end: it only joins strings."""
    root, name = source.root_folder or "", first_name(source)
    if not root or root.endswith("/") or name.startswith("/") or not name:
        return None
    if any(exists(place / f"{root}{name}") for place in training.places):
        return None
    return f'root_folder {root} does not end in "/": Caffe looks for {root}{name}'
