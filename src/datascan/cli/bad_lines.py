"""The bad records of several datasets, kept until all are scanned."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from typing import TYPE_CHECKING

from datascan.errors import OutputError

if TYPE_CHECKING:
    from datascan.scanner.result import ScanResult


class BadLines:
    """Lines of all datasets, in a file without a name: it ends with the process.

    If it cannot be written, that costs these lines only.
    """

    def __init__(self) -> None:
        self._file = tempfile.TemporaryFile(  # noqa: SIM115  (open until the process ends)
            "w+", encoding="utf-8", errors="backslashreplace", newline="\n"
        )
        self._failure = ""

    def add(self, path: str, scanned: ScanResult) -> None:
        """Add the bad records of the dataset at ``path``, whose reader must still be open."""
        from datascan.report.bad_records import iter_bad_records, with_dataset

        try:
            self._file.writelines(with_dataset(iter_bad_records(scanned), path))
        except OSError as error:
            self._failure = self._failure or str(error.strerror or error)

    def read(self) -> Iterator[str]:
        """All lines; then the file is closed.

        Raises:
            OutputError: if one of them could not be kept.
        """
        with self._file:
            if not self._failure:
                try:
                    self._file.seek(0)
                except OSError as error:
                    self._failure = str(error.strerror or error)
            if self._failure:
                raise OutputError(f"cannot keep the bad records: {self._failure}")
            yield from self._file
