"""The options that say what the findings count for."""

# Annotations are not postponed here: as texts, they would be compiled again at every start.
from pathlib import Path
from typing import Annotated

from msgspec import Struct

from datascan.config.applied import AppliedConfiguration
from datascan.config.baseline import Baseline
from datascan.config.option_field import ALL_COMMANDS, Option
from datascan.config.options.kinds import RULES, FailOn, Severity, SeverityName, Text
from datascan.config.tolerance import read_tolerance
from datascan.plugins import require_rules


def read_baseline(path: Path) -> Baseline:
    """The baseline in a file; every rule that it names must exist."""
    baseline = Baseline.read(path)
    require_rules(sorted(baseline.rules), f"{path}: ")
    return baseline


class VerdictOptions(Struct, frozen=True, kw_only=True):
    """What the findings count for."""

    severity: Annotated[
        tuple[tuple[Text, Severity], ...],
        Option(
            help="another severity for a rule: error, warning or info",
            group=RULES,
            metavar="RULE=LEVEL",
            commands=ALL_COMMANDS,
            allowed="a level (error, warning or info) for each rule",
            has_rules=True,
            silences="counts {}",
        ),
    ] = ()
    """Severities in place of the rules' own, by rule."""
    tolerance: Annotated[
        tuple[tuple[Text, Text], ...],
        Option(
            help="do not fail for up to N records of a rule, or N percent of those read",
            group=RULES,
            flag="tolerate",
            key="tolerance",
            metavar="RULE=N|N%",
            commands=("scan", "learn", "net", "log"),
            allowed="a share (0.1%) or a whole number of records (500) for each rule",
            has_rules=True,
            refine=read_tolerance,
            silences="tolerates {}",
            joint=" up to ",
        ),
    ] = ()
    """How many records of a finding do not fail the scan, by rule: "0.1%" or "500"."""
    fail_on: Annotated[
        FailOn,
        Option(
            help="the findings that fail the scan (default: error)",
            group=RULES,
            commands=ALL_COMMANDS,
            silences="{} fails",
            silencing=("never",),
        ),
    ] = "error"
    bad_records_severity: Annotated[
        SeverityName,
        Option(
            help="the least severe findings in --bad-records (default: error)",
            group=RULES,
            commands=("scan", "net", "log"),
        ),
    ] = "error"
    baseline: Annotated[
        Baseline | None,
        Option(
            help="findings accepted by datascan accept",
            group=RULES,
            metavar="FILE",
            commands=ALL_COMMANDS,
            read=read_baseline,
            silences="accepts the findings in {}",
        ),
    ] = None
    configuration: AppliedConfiguration | None = None
    """What the configuration file set; not an option for users."""
