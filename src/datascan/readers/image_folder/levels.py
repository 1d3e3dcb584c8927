"""Which level of folders is the class: names of splits, of kinds of files and of storage are not.

Sources: torchvision, ImageFolder (classes at the top); pytorch/examples, imagenet
(``train/CLASS``); ultralytics (``images/train``); NVlabs/stylegan2-ada,
dataset_tool.py (``00000/img00000000.png``).
"""

from __future__ import annotations

import re
from collections import defaultdict, deque
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Self

from msgspec import Struct

SPLIT_WORDS = frozenset(
    (
        *("train", "training", "val", "valid", "validation", "test", "testing", "dev"),
        *("eval", "evaluation", "trainval", "holdout"),
    )
)
KIND_WORDS = frozenset(
    (
        *("image", "images", "img", "imgs", "jpeg", "jpegs", "jpegimages", "photos", "pictures"),
        *("label", "labels", "mask", "masks", "annotation", "annotations", "imagesets", "gt"),
        *("groundtruth", "segmentation", "segmentations", "segmentationclass", "captions"),
        *("segmentationobject", "density", "depth", "rgb", "bboxes"),
    )
)
OTHER_WORDS = frozenset(
    (
        *("data", "dataset", "set", "final", "raw", "resized", "small", "full", "hr", "lr", "part"),
        *("tr", "ts", "x"),
    )
)
"""Words that may only go with one of the others: ``train_data``."""

PHRASE = frozenset(("ground", "truth"))

SEPARATORS = re.compile(r"[\W_\d]+")
CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])")
STORAGE = re.compile(r"\d{5}")
MAX_NAMED = 4
ARCHIVE_FOLDERS = ("__MACOSX",)
"""Folders that archives contain besides their files. They are not classes."""


def is_hidden(folder: str) -> bool:
    """Whether a folder was created by a tool rather than by the user: .cache, __MACOSX."""
    return folder.startswith(".") or folder in ARCHIVE_FOLDERS


def is_split_or_kind(folder: str) -> bool:
    """Whether a name only says which part of a dataset or which kind of files a folder holds."""
    for name in (folder, CAMEL.sub("_", folder)):
        words = set(filter(None, SEPARATORS.split(name.lower())))
        core = words & (SPLIT_WORDS | KIND_WORDS)
        if words and (words == PHRASE or (core and words <= core | OTHER_WORDS)):
            return True
    return False


class Levels(Struct, frozen=True):
    """Which folders are classes.

    ``classes``: their names, sorted. ``parents``: the folders that they are in, each with a slash
    at its end, "" for the root. ``text``: which level was taken, for the report.
    """

    classes: tuple[str, ...] = ()
    parents: frozenset[str] = frozenset()
    text: str = ""

    def class_of(self, folder: str) -> str | None:
        """The class folder of the files in ``folder``, which ends with a slash unless it is "".

        It is "" for files next to class folders, and None if there are no classes in their split.
        """
        for parent in prefixes(folder):
            if parent in self.parents:
                return folder[len(parent) :].partition("/")[0]
        return None


def find_levels(folders: Iterable[str], with_files: Mapping[str, Sequence[str]]) -> Levels:
    """Find the classes in a tree of ``folders``.

    Folders have a slash at their end. ``with_files`` maps those with images in them to the images'
    names. Names of splits and kinds of files are passed over only if all folders next to them have
    such names, so a class may be called ``test``.
    """
    tree = FolderTree.of(folders, with_files)
    parents: set[str] = set()
    classes: set[str] = set()
    without: list[str] = []
    pending = deque([""])
    while pending:
        parent = pending.popleft()
        names = tree.subfolders[parent]
        used = [name for name in names if f"{parent}{name}/" in tree.used]
        if used and not tree.is_passed_over(parent, used):
            parents.add(parent)
            classes |= {name for name in names if name in used or not is_split_or_kind(name)}
        elif not used or tree.is_storage(parent, used):
            without.append(parent)
        else:
            pending.extend(f"{parent}{name}/" for name in sorted(used))
    text = describe_levels(sorted(parents), without) if tree.subfolders[""] else ""
    return Levels(tuple(sorted(classes)), frozenset(parents), text)


def describe_levels(parents: Sequence[str], without: Sequence[str]) -> str:
    """Which level of folders was taken, in words."""
    if not parents:
        names = join_names([name for name in without if name])
        return f"no classes: {names} only name splits or kinds of files" if names else ""
    if "" in parents:
        return "classes are those at the top"
    text = f"classes are those in {join_names(parents)}"
    return f"{text}; none in {join_names(without)}" if without else text


def join_names(folders: Sequence[str]) -> str:
    """The first folders, and how many more there are."""
    names = [folder.rstrip("/") for folder in folders[:MAX_NAMED]]
    more = len(folders) - MAX_NAMED
    return ", ".join(names) + (f" and {more:,} more" if more > 0 else "")


class FolderTree(Struct, frozen=True):
    """Folders by their parent.

    ``used`` are those with images in or below them.
    """

    subfolders: Mapping[str, Sequence[str]]
    used: Collection[str]
    files: Mapping[str, Sequence[str]]

    @classmethod
    def of(cls, folders: Iterable[str], files: Mapping[str, Sequence[str]]) -> Self:
        """The tree of ``folders`` that are not hidden."""
        subfolders: defaultdict[str, list[str]] = defaultdict(list)
        for folder in folders:
            parent, _, name = folder.rstrip("/").rpartition("/")
            if not is_hidden(name):
                subfolders[parent and parent + "/"].append(name)
        used: set[str] = set()
        for folder in files:
            for prefix in prefixes(folder):
                used.add(prefix)
        return cls(subfolders, used, files)

    def is_passed_over(self, parent: str, used: Sequence[str]) -> bool:
        """Whether the folders ``used`` of ``parent`` are not classes."""
        if all(map(is_split_or_kind, used)) or self.is_storage(parent, used):
            return True
        if len(used) > 1 or parent in self.files:
            return False
        # A folder that only wraps the dataset: its subfolders are splits or kinds of files.
        only = f"{parent}{used[0]}/"
        below = [name for name in self.subfolders[only] if f"{only}{name}/" in self.used]
        return bool(below) and all(map(is_split_or_kind, below)) and len(below) > 1

    def is_storage(self, parent: str, used: Sequence[str]) -> bool:
        """Whether folders only divide numbered files: 00000, 00001.

        Classes may have such numbers, too, but the names of their files then begin anew.
        """
        if not all(map(STORAGE.fullmatch, used)):
            return False
        seen: set[str] = set()
        for name in used:
            files = self.files.get(f"{parent}{name}/", ())
            if not seen.isdisjoint(files):
                return False
            seen.update(files)
        return True


def prefixes(folder: str) -> Iterator[str]:
    """A folder and all that it is in, the root first: "", "a/", "a/b/"."""
    yield ""
    at = folder.find("/")
    while at >= 0:
        yield folder[: at + 1]
        at = folder.find("/", at + 1)
