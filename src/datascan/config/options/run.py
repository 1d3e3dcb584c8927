"""The options that say how the scan runs."""

# Annotations are not postponed here: as texts, they would be compiled again at every start.
from pathlib import Path
from typing import Annotated

from msgspec import Meta, Struct

from datascan.config.cache_folder import default_cache_folder
from datascan.config.option_field import ALL_COMMANDS, MAX_INT, Option
from datascan.config.options.kinds import HOW, NonNegative, Seconds

MIN_MEMORY = 64_000_000
"""With less, workers could not even import what they need."""

TIMEOUT = 30.0
MAX_MEMORY = 4_000_000_000
MAX_WORKERS = 64
"""The most worker processes of a configuration that datascan found by itself."""

Niceness = Annotated[int, Meta(ge=0, le=19)]
Size = Annotated[int, Meta(ge=MIN_MEMORY, le=MAX_INT)]


class RunOptions(Struct, frozen=True, kw_only=True):
    """How the scan runs. The report does not depend on it."""

    workers: Annotated[
        NonNegative | None,
        Option(
            help="processes (default: as many as may run; 0: none, and no limits)",
            synonyms=("j", "jobs", "num_workers", "processes"),
            group=HOW,
            metavar="N",
            commands=ALL_COMMANDS,
            unasked=(1, MAX_WORKERS),
        ),
    ] = None
    timeout: Annotated[
        Seconds,
        Option(
            help="give up a record after S seconds (default: 30)",
            group=HOW,
            metavar="S",
            commands=ALL_COMMANDS,
            unasked=(0, TIMEOUT),
        ),
    ] = TIMEOUT
    max_memory: Annotated[
        Size,
        Option(
            help="memory that a worker may use to read a record (default: 4GB)",
            group=HOW,
            metavar="SIZE",
            commands=ALL_COMMANDS,
            allowed="a size of at least 64MB, such as 512MB or 4GB, or a number of bytes",
            is_size=True,
            synonyms=("mem", "memory", "memory_limit", "max_mem"),
            unasked=(0, MAX_MEMORY),
        ),
    ] = MAX_MEMORY
    nice: Annotated[
        Niceness | None,
        Option(
            help="run at a lower priority, 19 being the lowest",
            group=HOW,
            metavar="N",
            commands=ALL_COMMANDS,
            synonyms=("niceness", "priority"),
        ),
    ] = None
    fail_fast: Annotated[
        bool,
        Option(
            help="stop at the first error",
            group=HOW,
            commands=("scan",),
            synonyms=("exitfirst", "exit_first", "failfast", "x"),
            in_file=False,
        ),
    ] = False
    max_time: Annotated[
        Seconds | None,
        Option(
            help="stop after S seconds; what is read is spread evenly over the dataset",
            group=HOW,
            metavar="S",
            commands=("scan",),
            synonyms=("time_limit", "max_seconds", "maxtime", "duration"),
            in_file=False,
        ),
    ] = None
    resume: Annotated[
        Path | None,
        Option(
            help="save progress to FILE and resume from it",
            group=HOW,
            metavar="FILE",
            commands=("scan",),
            in_file=False,
            single=True,
        ),
    ] = None
    no_thumbnails: Annotated[
        bool,
        Option(
            help="no pictures of records in the page and the JSON report",
            group=HOW,
            commands=("scan", "net", "log"),
        ),
    ] = False
    cache: Annotated[
        Path | None,
        Option(
            help="read only parts that have changed since an earlier scan; results are kept in the "
            "user's cache folder, or with --cache=DIR in DIR",
            group=HOW,
            metavar="DIR",
            commands=ALL_COMMANDS,
            allowed="true, false or the name of a folder",
            bare=default_cache_folder,
        ),
    ] = None
