"""How to scan a source of a net: its paths, its reader, and the options that the net implies."""

from __future__ import annotations

from pathlib import Path

from datascan.caffe.net.image_lists import (
    explain_unjoined_root,
    find_image_folder,
    require_list,
    require_listed_images,
)
from datascan.caffe.net.sources import DataSource, Missing, locate
from datascan.caffe.net.training import Training
from datascan.config.options import NetTargets, Options
from datascan.errors import DatasetError
from datascan.files import is_special
from datascan.readers.base import detect_reader


def source_options(
    source: DataSource, training: Training, options: Options
) -> tuple[tuple[Path, ...], Options]:
    """The paths to scan for a source, and the options that the net implies.

    Raises:
        Missing: if the source does not exist.
    """
    if source.path is None:
        raise Missing(missing_text(source))
    if is_special(source.path):
        raise DatasetError(f"source {source.path} is not a regular file")
    size = source.records_an_iteration
    given = options.replace(
        batch_sizes=(size,) if size else options.check.batch_sizes,
        num_classes=source.num_classes,
        label_type=source.label_type,
        targets=targets_of(source, training),
    )
    if source.backend == "hdf5":
        from datascan.readers.hdf5.references import label_width  # noqa: PLC0415  (only HDF5 sources need it)

        files, _ = hdf5_paths(source, training)
        given = given.replace(data_key=data_top(source), label_key=source.label_top)
        if label_width(files[0], source.label_top) > 1:
            # Label images and sequences: the meaning of a single number is unknown.
            given = given.replace(label_type="none", num_classes=None, targets=None)
        return files, given
    if source.backend == "images":
        folder = find_image_folder(source, training)
        require_listed_images(source, folder)
        return (folder,), given.replace(list_file=source.path)
    return (source.path,), given


def missing_files(source: DataSource, training: Training) -> list[str]:
    """A message for each file that a source lists but that does not exist."""
    if source.backend == "hdf5":
        return [missing_line_text(line, source) for line in hdf5_paths(source, training)[1]]
    if source.backend == "images" and (text := explain_unjoined_root(source, training)):
        return [text]
    return []


def missing_line_text(line: str, source: DataSource) -> str:
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
        Missing: if no line names an existing file, or the file does not seem to be a list.
    """
    from datascan.readers.hdf5.files import EXTENSIONS, is_hdf5, list_lines  # noqa: PLC0415  (only HDF5 sources need it)

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
    missing = [line for line, file in zip(lines, there, strict=True) if file is None]
    require_list(path, len(there), missing, [x for x in missing if x.lower().endswith(EXTENSIONS)])
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
