"""Names of files that a reader takes for a part of a dataset."""

from __future__ import annotations

import os
import re

STORE_NAME = r"(?i).*\.(?:mdb|mdb-lock|ldb|sst|log)|CURRENT|LOCK|LOG(?:\.old)?|MANIFEST-.*"
"""Files of an LMDB or a LevelDB."""

REPORTS = {".json", ".jsonl", ".xml"}
"""Extensions of annotations that outputs have, too: a report may be next to the images."""


def is_data_name(name: str) -> bool:
    """Whether a reader would take a file of this name in its folder for a part of the dataset."""
    from datascan.decoders.image.header import format_from_name
    from datascan.readers.hdf5.files import EXTENSIONS
    from datascan.readers.image_folder.listing import DATA_EXTENSIONS, PARTIAL_EXTENSIONS

    extension = os.path.splitext(name)[1].lower()
    return (
        re.fullmatch(STORE_NAME, name) is not None
        or format_from_name(name) is not None
        or extension in {*DATA_EXTENSIONS, *EXTENSIONS} - REPORTS
        or name.lower().endswith(PARTIAL_EXTENSIONS)
    )
