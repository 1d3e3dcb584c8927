"""HDF5 files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import h5py
import numpy as np

from tests.builders.images import photo, write_tree
from tests.builders.layouts.base import (
    LAYOUTS,
    RECORDS,
    Sample,
    classes,
    layout,
    normal,
    photos,
    with_nan,
)

FIRST = len(LAYOUTS)


def write(path: Path, datasets: dict[str, Any]) -> Path:
    """A file with these datasets."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with h5py.File(path, "w") as file:
        for name, values in datasets.items():
            file[name] = values
    return path


def single(folder: Path, datasets: dict[str, Any], **options: Any) -> Sample:
    """A sample of one file."""
    return Sample((write(folder / "set.h5", datasets),), options)


@layout("HDF5", "Caffe list", "NaN")
def caffe_list(folder: Path, faulty: bool) -> Sample:
    data = with_nan(normal(1, RECORDS, 3, 4, 4), faulty)
    write(folder / "a.h5", {"data": data, "label": classes(RECORDS).astype(np.float32)})
    (folder / "list.txt").write_text("a.h5\n")
    return Sample((folder / "list.txt",))


@layout("HDF5", "BigGAN", "label -1")
def biggan(folder: Path, faulty: bool) -> Sample:
    labels = classes(RECORDS)
    labels[7] = -1 if faulty else labels[7]
    return single(folder, {"imgs": photos(1, RECORDS, 3, 8, 8), "labels": labels})


@layout("HDF5", "variable-length JPEG", "truncated JPEG")
def vlen_jpeg(folder: Path, faulty: bool) -> Sample:
    path = folder / "set.h5"
    with h5py.File(path, "w") as file:
        rows = file.create_dataset("images", (RECORDS,), h5py.vlen_dtype(np.uint8))
        for i in range(RECORDS):
            rows[i] = np.frombuffer(photo(i)[: 400 if faulty and i == 7 else None], np.uint8)
        file["label"] = classes(RECORDS)
    return Sample((path,))


@layout("HDF5", "ModelNet40, names from the repository's root", "NaN")
def modelnet(folder: Path, faulty: bool) -> Sample:
    home = folder / "data/modelnet40"
    data = with_nan(normal(1, RECORDS, 16, 3), faulty)
    label = classes(RECORDS).astype(np.uint8).reshape(-1, 1)
    write(home / "train0.h5", {"data": data, "label": label})
    (home / "train_files.txt").write_text("data/modelnet40/train0.h5\n")
    return Sample((home / "train_files.txt",))


@layout("HDF5", "catvnoncat", "fewer labels than images")
def catvnoncat(folder: Path, faulty: bool) -> Sample:
    return single(
        folder,
        {
            "train_set_x": photos(1, RECORDS, 8, 8, 3),
            "train_set_y": classes(RECORDS - 2 * faulty, 2),
            "list_classes": np.array([b"non-cat", b"cat"]),
        },
    )


@layout("HDF5", "PCam", "fewer labels than images")
def pcam(folder: Path, faulty: bool) -> Sample:
    labels = classes(RECORDS - 2 * faulty, 2).astype(np.uint8).reshape(-1, 1, 1, 1)
    x = write(folder / "train_x.h5", {"x": photos(1, RECORDS, 8, 8, 3)})
    return Sample((x, write(folder / "train_y.h5", {"y": labels})))


@layout("HDF5", "fastMRI", "NaN", 3 * 10)
def fastmri(folder: Path, faulty: bool) -> Sample:
    paths = []
    for i in range(3):
        kspace = with_nan(normal(i, 10, 6, 6) + 1j * normal(9 + i, 10, 6, 6), faulty and i == 1)
        rss = normal(20 + i, 10, 6, 6)
        datasets = {"kspace": kspace.astype(np.complex64), "reconstruction_rss": rss}
        paths.append(write(folder / f"v{i}.h5", {**datasets, "ismrmrd_header": "<xml/>"}))
    return Sample(tuple(paths))


def episodes(prefix: str, fields: tuple[str, ...], faulty: bool) -> dict[str, Any]:
    """Three episodes of ten steps each."""
    return {
        f"{prefix}{i}/{name}": with_nan(normal(7 * i + j, 10, 5), faulty and i == 1 and j == 0)
        for i in range(3)
        for j, name in enumerate(fields)
    }


@layout("HDF5", "robomimic, MimicGen", "NaN", 3 * 10)
def robomimic(folder: Path, faulty: bool) -> Sample:
    fields = ("actions", "states", "obs/joints", "next_obs/joints")
    masks = {"mask/train": np.array([b"demo_0", b"demo_1"]), "mask/valid": np.array([b"demo_2"])}
    return single(folder, episodes("data/demo_", fields, faulty) | masks)


@layout("HDF5", "LIBERO", "NaN", 3 * 10)
def libero(folder: Path, faulty: bool) -> Sample:
    found = episodes("data/demo_", ("actions", "obs/joint_states"), faulty)
    views = {f"data/demo_{i}/obs/agentview_rgb": photos(i, 10, 8, 8, 3) for i in range(3)}
    return single(folder, found | views)


@layout("HDF5", "ACT / ALOHA", "NaN", 3 * 10)
def aloha(folder: Path, faulty: bool) -> Sample:
    fields = ("action", "observations/qpos", "observations/qvel")
    found = [episodes("", fields, faulty and i == 1) for i in range(3)]
    paths = [
        write(
            folder / f"episode_{i}.hdf5",
            {name: one[f"1/{name}"] + i for name in fields}
            | {"observations/images/top": photos(i, 10, 8, 8, 3)},
        )
        for i, one in enumerate(found)
    ]
    return Sample(tuple(paths))


@layout("HDF5", "Mobile ALOHA, padded JPEG", "truncated JPEG", 10)
def mobile_aloha(folder: Path, faulty: bool) -> Sample:
    images = [photo(i)[: 400 if faulty and i == 7 else None] for i in range(10)]
    padded = np.zeros((10, max(map(len, images))), np.uint8)
    for row, image in zip(padded, images, strict=True):
        row[: len(image)] = np.frombuffer(image, np.uint8)
    datasets = {"observations/images/top": padded, "action": normal(1, 10, 14)}
    return single(folder, {**datasets, "compress_len": np.array([list(map(len, images))])})


@layout("HDF5", "Minari", "NaN", 3 * 10)
def minari(folder: Path, faulty: bool) -> Sample:
    found = episodes("episode_", ("actions", "rewards"), faulty)
    return single(
        folder, found | {f"episode_{i}/observations": normal(50 + i, 11, 4) for i in range(3)}
    )


@layout("HDF5", "AnnData, CSR", "NaN")
def anndata(folder: Path, faulty: bool) -> Sample:
    return single(
        folder,
        {
            "X/data": with_nan(normal(1, 90), faulty),
            "X/indices": np.tile(np.arange(3), RECORDS),
            "X/indptr": np.arange(0, 91, 3),
            "obs/cell_type/codes": classes(RECORDS).astype(np.int8),
            "obs/cell_type/categories": np.array([b"A", b"B", b"C"]),
        },
    )


@layout("HDF5", "NYU v2", "NaN in a depth map")
def nyu(folder: Path, faulty: bool) -> Sample:
    return single(
        folder,
        {
            "images": photos(1, RECORDS, 3, 8, 8),
            "depths": with_nan(normal(2, RECORDS, 8, 8), faulty),
            "labels": photos(3, RECORDS, 8, 8).astype(np.uint16),
        },
    )


@layout("HDF5", "CSRNet, a density file a picture", "NaN")
def csrnet(folder: Path, faulty: bool) -> Sample:
    write_tree(folder / "set", {f"images/IMG_{i}.jpg": photo(i) for i in range(RECORDS)})
    for i in range(RECORDS):
        density = with_nan(normal(i, 24, 32), faulty and i == 7)
        write(folder / f"set/ground_truth/IMG_{i}.h5", {"density": density})
    return Sample((folder / "set",))


@layout("HDF5", "one dataset a record", "NaN", RECORDS)
def dataset_per_record(folder: Path, faulty: bool) -> Sample:
    found = {f"{i}_features": with_nan(normal(i, 10, 5), faulty and i == 7) for i in range(RECORDS)}
    return single(folder, found | {f"{i}_boxes": normal(99 + i, 10, 4) for i in range(RECORDS)})


@layout("HDF5", "captions", "a blank picture")
def captions(folder: Path, faulty: bool) -> Sample:
    images = photos(1, RECORDS, 3, 16, 16)
    images[7] = 0 if faulty else images[7]
    return single(folder, {"images": images})


@layout("HDF5", "PDEBench", "NaN", 5)
def pdebench(folder: Path, faulty: bool) -> Sample:
    found = {}
    for i in range(5):
        found[f"{i:04}/data"] = with_nan(normal(i, 6, 4, 4, 2), faulty and i == 2, 3)
        found |= {f"{i:04}/grid/{axis}": np.linspace(0, 1, 4 + i) for axis in "xyt"}
    return single(folder, found)


@layout("HDF5", "mdCATH", "frames of zeros at the tail", 2 * 10)
def mdcath(folder: Path, faulty: bool) -> Sample:
    found = {}
    for i in range(2):
        coords = normal(i, 10, 6, 3)
        if faulty and i:
            coords[-3:] = 0
        found[f"1abc/320/{i}/coords"] = coords
        found[f"1abc/320/{i}/forces"] = normal(9 + i, 10, 6, 3)
    return single(folder, found)


@layout("HDF5", "pandas, fixed", "NaN")
def pandas_fixed(folder: Path, faulty: bool) -> Sample:
    values = with_nan(normal(1, RECORDS, 4), faulty)
    names = np.array([b"a", b"b", b"c", b"d"])
    return single(
        folder,
        {
            "df/axis0": names,
            "df/axis1": np.arange(RECORDS),
            "df/block0_items": names,
            "df/block0_values": values,
        },
    )


@layout("HDF5", "pandas, table with PyTables' index", "NaN")
def pandas_table(folder: Path, faulty: bool) -> Sample:
    table = np.zeros(RECORDS, [("index", "i8"), ("values_block_0", "f4", 3)])
    table["values_block_0"] = with_nan(normal(1, RECORDS, 3), faulty)
    sample = single(folder, {"df/table": table})
    with h5py.File(sample.paths[0], "a") as file:
        file.attrs["PYTABLES_FORMAT_VERSION"] = "2.1"
        file.create_dataset("df/_i_table/index/indicesLR", (262144,), "u4", chunks=(1024,))
        file.create_dataset("df/_i_table/index/abounds", (0,), "i8", maxshape=(None,))
    return sample


@layout("HDF5", "opaque scalars of JPEG", "truncated JPEG")
def opaque(folder: Path, faulty: bool) -> Sample:
    images = [photo(i)[: 400 if faulty and i == 7 else None] for i in range(RECORDS)]
    return single(folder, {f"{'ab'[i % 2]}/{i}": np.void(one) for i, one in enumerate(images)})


@layout("HDF5", "JPEG in S strings", "truncated JPEG")
def byte_strings(folder: Path, faulty: bool) -> Sample:
    images = [photo(i)[: 400 if faulty and i == 7 else None] for i in range(RECORDS)]
    return single(folder, {"images": np.array(images), "label": classes(RECORDS)})


@layout("HDF5", "MATLAB v7.3, DeepSEA", "NaN")
def deepsea(folder: Path, faulty: bool) -> Sample:
    x = normal(1, 20, 4, RECORDS)
    x[0, 0, 7] = np.nan if faulty else 0
    hot = np.random.default_rng(2).integers(0, 2, (9, RECORDS)).astype(np.float64)
    return single(folder, {"trainxdata": x, "traindata": hot})


@layout("HDF5", "RadioML 2018, one-hot labels", "a label without a one")
def radioml(folder: Path, faulty: bool) -> Sample:
    hot = np.eye(3, dtype=np.int64)[classes(RECORDS)]
    hot[7] = 0 if faulty else hot[7]
    z = (np.arange(RECORDS) % 5).reshape(-1, 1)
    return single(folder, {"X": normal(1, RECORDS, 16, 2), "Y": hot, "Z": z})


@layout("HDF5", "ANI-1x", "Inf", 3 * 10)
def ani(folder: Path, faulty: bool) -> Sample:
    found = {}
    for i, formula in enumerate(("C2H6", "CH4", "H2O")):
        found[f"{formula}/coordinates"] = normal(i, 10, 4, 3)
        energies = normal(9 + i, 10)
        energies[5] = np.inf if faulty and i == 1 else energies[5]
        found[f"{formula}/wb97x.energy"] = energies
    return single(folder, found)


@layout("HDF5", "splits in one file", "NaN", 30)
def splits_in_file(folder: Path, faulty: bool) -> Sample:
    return single(
        folder,
        {
            "x_train": with_nan(normal(1, 20, 5), faulty),
            "y_train": classes(20),
            "x_test": normal(2, 10, 5),
            "y_test": classes(10),
        },
    )


HDF5_FILES = tuple(LAYOUTS[FIRST:])
