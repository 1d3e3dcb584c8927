"""The options that say what is read, and as what."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from msgspec import Struct

from datascan.config.option_field import ALL_COMMANDS, Option
from datascan.config.options.kinds import HOW, Positive, Text

MAX_PIXELS = 178_956_970


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
            help="lines of 'path label', or a path,label CSV",
            flag="list",
            metavar="FILE",
            single=True,
            readers=("images",),
            silences="reads only the files in {}",
        ),
    ] = None
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
