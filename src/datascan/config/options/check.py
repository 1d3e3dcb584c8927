"""The options that say what is measured and evaluated."""

# Annotations are not postponed here: as texts, they would be compiled again at every start.
from typing import Annotated

from msgspec import Meta, Struct

from datascan.config.expectations import Expectations
from datascan.config.option_field import ALL_COMMANDS, Option
from datascan.config.options.kinds import LABELS, RULES, LabelType, Positive, Text

COMMON_BATCH_SIZES = (32, 64, 128, 256)


class NetTargets(Struct, frozen=True):
    """What a net makes of this dataset's labels.

    ``layer`` is the one whose ``outputs`` the loss reads, ``loss`` the loss itself. Labels equal to
    ``ignore_label`` count for nothing. ``counted_by`` names a loss that divides by label counts.
    """

    outputs: int | None = None
    layer: str = ""
    loss: str = ""
    ignore_label: int | None = None
    counted_by: str | None = None


class CheckOptions(Struct, frozen=True, kw_only=True):
    """What is measured and evaluated. Part of a checkpoint's fingerprint."""

    num_classes: Annotated[
        Positive | None,
        Option(help="labels are 0..N-1", group=LABELS, metavar="N", synonyms=("classes",)),
    ] = None
    batch_sizes: Annotated[
        Annotated[tuple[Positive, ...], Meta(min_length=1)] | None,
        Option(
            help="training batch sizes, comma-separated or repeated (default: 32,64,128,256)",
            group=LABELS,
            flag="batch_size",
            metavar="N",
        ),
    ] = None
    label_type: Annotated[
        LabelType,
        Option(
            help="what the labels are (default: auto)",
            group=LABELS,
            silences="sets label_type {}",
            silencing=("regression", "none"),
        ),
    ] = "auto"
    select: Annotated[
        tuple[Text, ...],
        Option(
            help="only this rule; comma-separated or repeated",
            group=RULES,
            metavar="RULE",
            commands=ALL_COMMANDS,
            has_rules=True,
            silences="applies only {}",
        ),
    ] = ()
    ignore: Annotated[
        tuple[Text, ...],
        Option(
            help="all rules but this; comma-separated or repeated",
            group=RULES,
            metavar="RULE",
            commands=ALL_COMMANDS,
            has_rules=True,
            silences="ignores {}",
        ),
    ] = ()
    expect: Annotated[
        Expectations | None,
        Option(
            help="compare with what datascan learn wrote",
            group=RULES,
            metavar="FILE",
            commands=ALL_COMMANDS,
            read=Expectations.read,
        ),
    ] = None
    targets: NetTargets | None = None
    """What a net makes of the labels; not an option for users."""

    @property
    def measured_batch_sizes(self) -> tuple[int, ...]:
        """The batch sizes that the user asked for, or common ones."""
        return self.batch_sizes or COMMON_BATCH_SIZES
