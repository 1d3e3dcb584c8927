"""The words of the page for an owner of a dataset who does not program."""

from __future__ import annotations

from datascan.report.model import Report
from datascan.report.titles import holds_images
from datascan.text import escape_control

WORDS = (
    ("Record", "One entry of the dataset: an image with its class, a row of a table, one sample."),
    ("Number", "Records are counted from 0, in the order in which the dataset stores them."),
    ("Class, label", "What a record shows, as a number or the name of a folder: cat, dog."),
    ("Error", "It breaks training, or teaches something wrong: correct it first."),
    ("Warning", "It is unusual and may be intended: have a look."),
    ("Info", "Good to know; nothing has to be done."),
    ("NaN, Inf", "Values that are missing, or too large to be stored. A single one ends training."),
    ("Batch", "The records that training reads at once, such as 64."),
    ("Stored order", "The order of the dataset itself. Shuffled is a random order."),
    ("Shape", "How many values a record has in each direction: colours, height and width."),
    ("uint8, float32", "Kinds of numbers: whole ones from 0 to 255, and fractions."),
    ("L, RGB, I;16", "Kinds of images: grey, colour, and grey with 65,536 shades."),
    ("EXIF", "What a camera writes into an image, such as how to turn it."),
)
"""Words and what they mean, in sentences."""

LONGEST = 4096
"""Commands up to this length are shown, in full."""

MARKED = ("nan-value", "inf-value")
MARKS = "Pink: the values that are missing (NaN) or infinite (Inf)."


def whole_command(report: Report) -> str:
    """The command in full, so that it can be copied; "" if it is unknown or absurdly long."""
    command = report.command or ""
    return escape_control(command) if len(command) <= LONGEST else ""


def noun_of(report: Report) -> str:
    """What a record of the dataset is called."""
    return "image" if holds_images(report.dataset.backend, report.dataset.layout) else "record"
