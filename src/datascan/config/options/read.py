"""The options that say what is read, and as what."""

# Annotations are not postponed here: as texts, they would be compiled again at every start.
from pathlib import Path
from typing import Annotated, Any

from msgspec import Struct

from datascan.config.option_field import ALL_COMMANDS, Option
from datascan.config.options.kinds import HOW, Positive, Text
from datascan.errors import UsageError

MAX_PIXELS = 178_956_970


def read_patterns(value: Any, place: str) -> tuple[str, ...]:
    """Patterns of files, checked.

    Raises:
        UsageError: if one names nothing, or asks for what it cannot do.
        TypeError: if the value is not text.
    """
    texts = (value,) if isinstance(value, str) else tuple(value)
    for text in texts:
        if not isinstance(text, str):
            raise TypeError("not text")
        if text.startswith("!"):
            raise UsageError(f"{place}: {text!a} would bring files back, which is not possible")
        if ".." in text.split("/") or not text.strip("/. ") or "\0" in text:
            raise UsageError(f"{place}: {text!a} names no file below the folder of images")
    return tuple(dict.fromkeys(texts))


class ReadOptions(Struct, frozen=True, kw_only=True):
    """What is read, and as what. Part of a checkpoint's fingerprint."""

    db: Annotated[
        Text | None,
        Option(
            help="a named database of an LMDB",
            metavar="NAME",
            readers=("lmdb",),
            silences="reads only the database {}",
        ),
    ] = None
    data_key: Annotated[
        Text | None,
        Option(
            help="the dataset with the records",
            flag="data",
            metavar="KEY",
            readers=("hdf5",),
            silences="reads only the dataset {}",
        ),
    ] = None
    label_key: Annotated[
        Text | None,
        Option(
            help="the dataset with the labels",
            flag="label",
            metavar="KEY",
            readers=("hdf5",),
            silences="takes labels from {}",
        ),
    ] = None
    list_file: Annotated[
        Path | None,
        Option(
            help="lines of 'path label', or a path,label CSV; - for standard input",
            flag="list",
            standard_input=True,
            metavar="FILE",
            single=True,
            readers=("images",),
            silences="reads only the files in {}",
        ),
    ] = None
    exclude: Annotated[
        tuple[Text, ...],
        Option(
            help="leave out files or folders that match PATTERN, as in a .gitignore; repeatable",
            metavar="PATTERN",
            readers=("images",),
            allowed="a pattern as in a .gitignore, such as '*.gif' or 'raw/'",
            separated=False,
            refine=read_patterns,
            silences="leaves out {}",
        ),
    ] = ()
    """Patterns of files that are not read, relative to the folder of images."""
    follow_links: Annotated[
        bool,
        Option(
            help="also read what an HDF5 file refers to outside of its own folder",
            readers=("hdf5",),
            in_file=False,
        ),
    ] = False
    limit: Annotated[
        Positive | None,
        Option(
            help="only the first N records",
            group=HOW,
            metavar="N",
            commands=ALL_COMMANDS,
            silences="reads only the first {} records",
        ),
    ] = None
    sample: Annotated[
        Positive | None,
        Option(
            help="only N records, spread evenly over the dataset (with --limit, over its first N)",
            group=HOW,
            metavar="N",
            commands=ALL_COMMANDS,
            silences="reads only a sample of {} records",
        ),
    ] = None
    max_pixels: Annotated[
        Positive,
        Option(
            help="report images with more than N pixels instead of decoding them",
            group=HOW,
            metavar="N",
            commands=ALL_COMMANDS,
            unasked=(1, MAX_PIXELS),
        ),
    ] = MAX_PIXELS
    shard_bytes: int = 32 << 20
    """Shards are cut to about this many bytes; the report does not depend on it."""
