"""Why records cannot be used or are unusual, and what to do, in the words of an opening."""

from __future__ import annotations

from collections.abc import Callable

from datascan.report.titles import rule_title

Reason = tuple[str, str]
"""The words after a number: of one record, and of several."""

DECISIONS = {
    "missing-label": ("has no label", "have no label", "add what is missing"),
    "conflicting-label": (
        "has the same content as another under another label",
        "have the same content under different labels",
        "decide which is right",
    ),
}
"""What is said of a record, of several, and what has to be decided, by rule."""

UNDECIDED = tuple(DECISIONS)
"""Rules whose records are fine once their owner has decided something."""

IN_TWO_CLASSES = ("is in two classes", "are in two classes", "decide which")

UNUSABLE: dict[str, Reason] = {
    "empty-record": ("empty", "empty"),
    "not-an-image": ("not a picture", "not pictures"),
    "corrupt-image": ("damaged", "damaged"),
    "malformed-record": ("unreadable", "unreadable"),
    "missing-file": ("missing", "missing"),
    "oversized-image": ("too large to open", "too large to open"),
    "reader-crash": ("crashes programs", "crash programs"),
    "truncated-store": ("cut off", "cut off"),
    "damaged-store": ("out of reach", "out of reach"),
    "never-written": ("never filled", "never filled"),
    "nan-value": ("with missing values", "with missing values"),
    "inf-value": ("with infinite values", "with infinite values"),
    "shape-mismatch": ("of another size", "of another size"),
    "unexpected-shape": ("of an unexpected size", "of an unexpected size"),
    "unexpected-dtype": ("of another type of numbers", "of another type of numbers"),
    "label-out-of-range": ("of a class that does not exist", "of classes that do not exist"),
    "label-beyond-outputs": ("of a class that the net lacks", "of classes that the net lacks"),
    "unexpected-class": ("of an unexpected class", "of unexpected classes"),
    "non-integer-label": ("with a broken label", "with broken labels"),
    "non-finite-label": ("with a broken label", "with broken labels"),
    "malformed-label": ("with a broken label", "with broken labels"),
}
"""Reasons of errors; a record with several is counted under the first of them."""

UNUSUAL: dict[str, Reason] = {
    "constant-record": ("with all values the same", "with all values the same"),
    "duplicate-record": ("copy of another", "copies of others"),
    "odd-size": ("of an odd size", "of an odd size"),
    "mixed-channels": ("in other colours", "in other colours"),
    "misnamed-image": ("with a wrong file ending", "with wrong file endings"),
    "animated-image": ("animated", "animated"),
    "extreme-value": ("with very large values", "with very large values"),
    "value-out-of-range": ("with unexpected values", "with unexpected values"),
    "damaged-metadata": ("with damaged extra information", "with damaged extra information"),
    "unsupported-image": ("that could not be checked", "that could not be checked"),
    "not-inspected": ("not inspected", "not inspected"),
    "partial-download": ("unfinished download", "unfinished downloads"),
    "exif-orientation": ("to be shown rotated", "to be shown rotated"),
    "trailing-bytes": ("with extra data at the end", "with extra data at the end"),
}
"""Reasons of warnings."""

ORDER = (*UNUSABLE, *UNUSUAL)
RANKS = {rule: rank for rank, rule in enumerate(ORDER)}

CUT_WORDS = ("truncated", "premature", "cut off", "ends early", "ends before")
BLANK = ("blank", "blank")
CUT = ("cut off", "cut off")
WEB_PAGE = ("web page", "web pages")
POINTER = ("not downloaded yet (Git LFS)", "not downloaded yet (Git LFS)")


def rank_of(rule: str) -> tuple[int, str]:
    """The place of a rule in the order of reasons; rules without words of their own come last."""
    return RANKS.get(rule, len(RANKS)), rule


def reason_of(rule: str, *, images: bool) -> Reason:
    """The words for records with a finding of ``rule``; of an unknown rule, its title."""
    if images and rule == "constant-record":
        return BLANK
    known = UNUSABLE.get(rule) or UNUSUAL.get(rule)
    if known is not None:
        return known
    words = f'with "{rule_title(rule, images=images)}"'
    return words, words


def decision_of(rule: str, *, images: bool) -> tuple[str, str, str]:
    """What is said of a record with a finding of ``rule``, of several, and what to decide."""
    return IN_TWO_CLASSES if images and rule == "conflicting-label" else DECISIONS[rule]


def reason_of_damage(detail: str) -> Reason:
    """Why an image cannot be decoded, from the detail of ``corrupt-image``."""
    lower = detail.lower()
    return CUT if any(word in lower for word in CUT_WORDS) else UNUSABLE["corrupt-image"]


def reason_of_content(detail: str) -> Reason:
    """What a file is that is not an image, from the detail of ``not-an-image``."""
    if detail.startswith(("the page ", "looks like an HTML")):
        return WEB_PAGE
    return POINTER if detail.startswith("a Git LFS") else UNUSABLE["not-an-image"]


BY_DETAIL: dict[str, Callable[[str], Reason]] = {
    "corrupt-image": reason_of_damage,
    "not-an-image": reason_of_content,
}
"""Rules whose details distinguish reasons."""

VALUES = ("nan-value", "inf-value")
LABELS = (
    "label-out-of-range",
    "label-beyond-outputs",
    "unexpected-class",
    "non-integer-label",
    "non-finite-label",
    "malformed-label",
)
FILES = ("corrupt-image", "not-an-image", "empty-record", "missing-file", "partial-download")


def remedy_of(rule: str, *, files: bool) -> str:
    """What to do about records that cannot be used; ``files``: they are files of their own."""
    if rule in VALUES:
        return "compute them again"
    if rule in LABELS:
        return "correct their labels"
    if rule in FILES:
        return "download them again" if files else "write them again from the originals"
    return "repair or replace them"


WHOLE: dict[str, tuple[str, str]] = {
    "empty-dataset": ("the dataset is empty", "check its source"),
    "truncated-store": ("the dataset is cut off", "copy it again"),
    "damaged-store": ("a part of the dataset cannot be read", "copy it again"),
    "never-written": ("a part of the dataset was never filled", "write it again"),
    "live-writer": ("another program was writing to the dataset", "scan again when it is done"),
    "length-mismatch": ("the numbers of records and labels differ", "write them again"),
    "missing-file": ("some listed files are missing", "restore them, or correct the list"),
    "outside-reference": ("data in another place was not read", "copy it to the dataset"),
    "record-count-mismatch": ("the stated number of records is wrong", "look for lost records"),
    "not-inspected": ("some content was not inspected", "check it with the program that reads it"),
    "reader-crash": ("a part of the dataset crashes programs", "write it again"),
    "key-gap": ("some numbers are missing in the names", ""),
    "empty-class": ("some classes are empty", ""),
    "class-imbalance": ("some classes are far rarer than others", ""),
    "batch-label-gap": ("some batches lack a class", ""),
    "constant-feature": ("some columns never change", ""),
    "label-shift": ("the sizes of the classes have changed", ""),
    "record-count-change": ("the number of records has changed", ""),
    "partial-download": ("some downloads are unfinished", "finish them"),
}
"""What is wrong with a dataset as a whole, as a clause, and what to do."""


WHOLE_RANKS = {rule: rank for rank, rule in enumerate(WHOLE)}


def whole_rank(rule: str) -> tuple[int, str]:
    """The place of a rule in the order of clauses."""
    return WHOLE_RANKS.get(rule, len(WHOLE)), rule


def clause_of(rule: str) -> tuple[str, str]:
    """A clause about the dataset as a whole, and what to do; of an unknown rule, its title."""
    return WHOLE.get(rule, (f'the dataset has "{rule_title(rule)}"', ""))
