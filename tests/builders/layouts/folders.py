"""Folders of images and of other files."""

from __future__ import annotations

import gzip
import io
import json
import tarfile
from pathlib import Path

import numpy as np

from tests.builders.images import encode, photo, pixels, write_tree
from tests.builders.layouts.base import LAYOUTS, RECORDS, Sample, layout, normal
from tests.builders.layouts.stores import as_npy, as_npz, as_torch_zip

FIRST = len(LAYOUTS)
BAD = 7


def picture(i: int, faulty: bool) -> bytes:
    """A JPEG; the faulty one is truncated."""
    return photo(i)[: 400 if faulty and i == BAD else None]


def tree(folder: Path, names: list[str], faulty: bool, **others: bytes) -> Sample:
    """Images of these names."""
    write_tree(folder / "set", {name: picture(i, faulty) for i, name in enumerate(names)})
    write_tree(folder / "set", others)
    return Sample((folder / "set",))


NUMBERS = range(RECORDS)


@layout("folder", "ImageFolder", "truncated JPEG")
def image_folder(folder: Path, faulty: bool) -> Sample:
    return tree(folder, [f"{'abc'[i % 3]}/{i}.jpg" for i in NUMBERS], faulty)


@layout("folder", "splits", "truncated JPEG")
def splits(folder: Path, faulty: bool) -> Sample:
    parts = ("train", "val", "test")
    return tree(folder, [f"{parts[i // 10]}/{'ab'[i % 2]}/{i}.jpg" for i in NUMBERS], faulty)


@layout("folder", "ImageNet", "truncated JPEG")
def imagenet(folder: Path, faulty: bool) -> Sample:
    names = [f"train/n{i % 2}/{i}.jpg" if i < 20 else f"val/{i}.jpg" for i in NUMBERS]
    return tree(folder, names, faulty)


@layout("folder", "YOLO", "a box out of the picture")
def yolo(folder: Path, faulty: bool) -> Sample:
    parts = ["train" if i < 20 else "val" for i in NUMBERS]
    boxes = {
        f"labels/{part}/{i}.txt": b"0 %s 0.5 0.2 0.2\n"
        % (b"7.5" if faulty and i == BAD else b"0.5")
        for i, part in enumerate(parts)
    }
    names = [f"images/{part}/{i}.jpg" for i, part in enumerate(parts)]
    return tree(folder, names, False, **boxes, **{"data.yaml": b"nc: 1\n"})


@layout("folder", "COCO", "a box without width")
def coco(folder: Path, faulty: bool) -> Sample:
    boxes = [{"image_id": i, "bbox": [1, 1, 0 if faulty and i == BAD else 5, 5]} for i in NUMBERS]
    text = json.dumps({"annotations": boxes}).encode()
    names = [f"train2017/{i:012}.jpg" for i in NUMBERS]
    return tree(folder, names, False, **{"annotations/instances_train2017.json": text})


@layout("folder", "Pascal VOC", "truncated JPEG", RECORDS + 10)
def voc(folder: Path, faulty: bool) -> Sample:
    others = {f"Annotations/{i}.xml": b"<annotation/>" for i in NUMBERS}
    others["ImageSets/Main/train.txt"] = b"0\n1\n"
    for i in range(10):
        mask = pixels(i + 100).convert("P")
        others[f"SegmentationClass/{i}.png"] = encode(mask, "PNG")
    return tree(folder, [f"JPEGImages/{i}.jpg" for i in NUMBERS], faulty, **others)


def with_list(heading: str, name: str, folder: Path, faulty: bool) -> Sample:
    """Images in train, with a list beside; the faulty list names one too many."""
    rows = [f"{name.format(i)},{'xy'[i % 2]}" for i in [*NUMBERS, *([RECORDS] if faulty else [])]]
    text = "\n".join([heading, *rows]).encode()
    sample = tree(folder, [f"train/{i}.jpg" for i in NUMBERS], False, **{"labels.csv": text})
    return Sample(sample.paths, {"list_file": folder / "set/labels.csv"})


@layout("folder", "Kaggle CSV, id and breed", "a name without a file")
def dog_breed(folder: Path, faulty: bool) -> Sample:
    return with_list("id,breed", "{}", folder, faulty)


@layout("folder", "Kaggle CSV, image_name and target", "a name without a file")
def siim(folder: Path, faulty: bool) -> Sample:
    return with_list("image_name,target", "{}", folder, faulty)


@layout("folder", "Hugging Face imagefolder, CSV", "a name without a file")
def metadata_csv(folder: Path, faulty: bool) -> Sample:
    return with_list("file_name,label", "train/{}.jpg", folder, faulty)


@layout("folder", "Hugging Face imagefolder, JSON Lines", "a name without a file")
def metadata_jsonl(folder: Path, faulty: bool) -> Sample:
    count = RECORDS + faulty
    rows = [json.dumps({"file_name": f"{i}.jpg", "label": i % 2}) for i in range(count)]
    text = "\n".join(rows).encode()
    sample = tree(folder, [f"{i}.jpg" for i in NUMBERS], False, **{"metadata.jsonl": text})
    return Sample(sample.paths, {"list_file": folder / "set/metadata.jsonl"})


@layout("folder", "segmentation pairs", "truncated JPEG", 2 * RECORDS)
def pairs(folder: Path, faulty: bool) -> Sample:
    masks = {f"masks/{i}_mask.gif": encode(pixels(i + 99, mode="P"), "GIF") for i in NUMBERS}
    return tree(folder, [f"imgs/{i}.jpg" for i in NUMBERS], faulty, **masks)


@layout("folder", "kohya", "truncated JPEG")
def kohya(folder: Path, faulty: bool) -> Sample:
    texts = {f"10_concept/{i}.txt": b"a thing" for i in NUMBERS}
    texts |= {f"10_concept/{i}.npz": as_npz(i, faulty=False) for i in NUMBERS}
    return tree(folder, [f"10_concept/{i}.jpg" for i in NUMBERS], faulty, **texts)


@layout("folder", "one image and many .npy files", "NaN", 1)
def mostly_npy(folder: Path, faulty: bool) -> Sample:
    arrays = {f"a/{i}.npy": as_npy(i, faulty) for i in NUMBERS}
    return tree(folder, ["a/preview.jpg"], False, **arrays)


@layout("folder", ".npz files", "NaN")
def npz_files(folder: Path, faulty: bool) -> Sample:
    write_tree(folder / "set", {f"{'ab'[i % 2]}/{i}.npz": as_npz(i, faulty) for i in NUMBERS})
    return Sample((folder / "set",))


@layout("folder", ".pt files", "NaN")
def pt_files(folder: Path, faulty: bool) -> Sample:
    write_tree(folder / "set", {f"{i}.pt": as_torch_zip(i, faulty) for i in NUMBERS})
    return Sample((folder / "set",))


@layout("folder", "WebDataset", "truncated JPEG")
def webdataset(folder: Path, faulty: bool) -> Sample:
    (folder / "set").mkdir()
    with tarfile.open(folder / "set/000000.tar", "w") as file:
        for i in NUMBERS:
            for name, content in ((f"{i:05}.jpg", picture(i, faulty)), (f"{i:05}.cls", b"1")):
                member = tarfile.TarInfo(name)
                member.size = len(content)
                file.addfile(member, io.BytesIO(content))
    return Sample((folder / "set",))


@layout("folder", "nnU-Net", "NaN")
def nnunet(folder: Path, faulty: bool) -> Sample:
    values = normal(1, 16, 16)
    values[0, 0] = np.nan if faulty else 0
    content = gzip.compress(bytes(352) + values.tobytes())
    write_tree(folder / "set", {f"imagesTr/case_{i}_0000.nii.gz": content for i in range(3)})
    write_tree(folder / "set", {f"labelsTr/case_{i}.nii.gz": content for i in range(3)})
    return Sample((folder / "set",))


@layout("folder", "DICOM", "truncated")
def dicom(folder: Path, faulty: bool) -> Sample:
    content = bytes(128) + b"DICM" + bytes(300 if faulty else 3000)
    write_tree(folder / "set", {f"patient{i % 3}/{i}.dcm": content for i in NUMBERS})
    return Sample((folder / "set",))


@layout("folder", "class in the name", "truncated JPEG")
def class_in_name(folder: Path, faulty: bool) -> Sample:
    names = [f"images/{('great_pyrenees', 'pug')[i % 2]}_{i}.jpg" for i in NUMBERS]
    return tree(folder, names, faulty)


@layout("folder", "StyleGAN2-ADA storage", "truncated JPEG")
def stylegan_storage(folder: Path, faulty: bool) -> Sample:
    return tree(folder, [f"{i // 10:05}/img{i:08}.jpg" for i in NUMBERS], faulty)


@layout("folder", "unfinished downloads", "three .part files")
def downloads(folder: Path, faulty: bool) -> Sample:
    others = {f"a/{i}.jpg.part": b"x" for i in range(90, 93)} if faulty else {}
    return tree(folder, [f"{'abc'[i % 3]}/{i}.jpg" for i in NUMBERS], False, **others)


FOLDERS = tuple(LAYOUTS[FIRST:])
