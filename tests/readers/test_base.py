"""The reader interface: what a dataset is called in a baseline."""

from pathlib import Path

from datascan.config.identity import DatasetIdentity
from datascan.config.options import Options
from datascan.readers.image_folder.reader import ImageFolderReader


def identity(**options: object) -> DatasetIdentity:
    return ImageFolderReader((Path("images"),), Options().replace(**options)).identity


def test_a_dataset_is_identified_by_its_path():
    assert identity() == DatasetIdentity((Path("images"),))


def test_a_part_of_a_store_is_identified_by_its_name():
    assert identity(data_key="/train/data").part == "train/data"
    assert identity(db="train").part == "train"


def test_images_in_a_list_are_identified_by_the_list():
    assert identity(list_file=Path("train.txt")).paths == (Path("train.txt"),)
