"""The folders of pictures that packages and this machine have, and pictures written as datasets."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import h5py
from PIL import Image

from benchmarks.healthy.tables import Healthy, package_folder
from datascan.decoders.image.header import format_from_name
from tests.builders.lmdb import datum, numbered, write_lmdb

PICTURE_PACKAGES = (
    *("ISLP", "Orange", "imageio", "matplotlib", "networkx", "obspy", "pydicom", "pyvista"),
    *("scipy", "skimage", "sklearn"),
)
"""Packages that have pictures, be it for examples or for their windows."""

MIN_PICTURES = 5

ICONS = Path("/usr/share/icons")
"""Where desktops keep themes of icons: a folder for each, with one for each size."""


def iter_folders() -> Iterator[tuple[str, str, Path]]:
    """Package, name and path of every folder with enough pictures."""
    for package in PICTURE_PACKAGES:
        home = package_folder(package)
        for folder in find_folders(home) if home else ():
            yield package, folder.relative_to(home or folder).as_posix(), folder
    themes = sorted(ICONS.iterdir()) if ICONS.is_dir() else []
    for theme in themes:
        for folder in (theme, *sorted(theme.iterdir())) if theme.is_dir() else ():
            if folder.is_dir() and not folder.is_symlink() and has_pictures(folder):
                yield "icons", folder.relative_to(ICONS).as_posix(), folder


def find_folders(home: Path) -> list[Path]:
    """The folders below ``home`` that themselves have enough pictures."""
    counts = Counter(f.parent for f in home.rglob("*") if format_from_name(f.name) and f.is_file())
    return sorted(folder for folder, count in counts.items() if count >= MIN_PICTURES)


def has_pictures(folder: Path) -> bool:
    """Whether there are enough pictures at or below a folder."""
    found = (file for file in folder.rglob("*") if format_from_name(file.name))
    return sum(1 for _, _ in zip(range(MIN_PICTURES), found, strict=False)) == MIN_PICTURES


def write_hdf5(healthy: Healthy, folder: Path) -> Path:
    """The dataset as an HDF5 file."""
    path = folder / "data.h5"
    with h5py.File(path, "w") as file:
        file["data"] = healthy.values
        if healthy.labels is not None:
            file["label"] = healthy.labels
    return path


def write_store(healthy: Healthy, folder: Path) -> Path:
    """Greyscale pictures as an LMDB of Datums."""
    assert healthy.labels is not None
    pairs = zip(healthy.values, healthy.labels.tolist(), strict=True)
    values = [datum(picture[None], label) for picture, label in pairs]
    return Path(write_lmdb(folder / "data.lmdb", numbered(values)))


def write_classes(healthy: Healthy, folder: Path) -> Path:
    """Greyscale pictures as PNG files in a folder for each class."""
    assert healthy.labels is not None
    for i, (picture, label) in enumerate(zip(healthy.values, healthy.labels.tolist(), strict=True)):
        home = folder / "images" / f"class_{label}"
        home.mkdir(parents=True, exist_ok=True)
        Image.fromarray(picture).save(home / f"{i:05}.png")
    return folder / "images"
