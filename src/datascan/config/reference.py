"""The reference page of all options; ``python -m datascan.config.reference`` prints it."""

from __future__ import annotations

from collections.abc import Iterator

from datascan.config.option_field import OptionField
from datascan.config.options import Options
from datascan.plugins import COMMANDS

HEAD = """\
# Options

Generated from `datascan.config.options` by `python -m datascan.config.reference`; do not edit.

An option has a flag, a key in `datascan.toml` (with underscores or dashes; flags win over the
file), and a keyword in Python. Flags that take several values may be repeated or take them
separated by commas; in TOML and Python, a list of one value may be the value alone. Flags of
`check` hold for all datasets, and win over the file.
"""

TITLES = {
    "read": "What is read",
    "check": "What is checked",
    "run": "How the scan runs",
    "verdict": "What the findings count for",
}


def reference_page(options: type[Options] = Options) -> str:
    """All options as Markdown, in the order of their definition."""
    return "\n".join([HEAD, *lines_of(options)])


def lines_of(options: type[Options]) -> Iterator[str]:
    """A heading for each group of options, and a section for each option."""
    group = ""
    for field in options.fields():
        if field.group != group:
            group = field.group
            yield f"## {TITLES.get(group, group)}\n"
        yield from section(field)


def section(field: OptionField) -> Iterator[str]:
    """One option: what it does, its names, and what it accepts."""
    option = field.option
    yield f"### `{field.flag}`\n"
    yield f"{option.help[:1].upper()}{option.help[1:]}.\n"
    keys = " or ".join(f"`{name}`" for name in field.names)
    yield f"- In `datascan.toml`: {keys if option.in_file else 'not available'}"
    yield f"- In Python: `{field.name}`"
    yield f"- Value: {field.allowed}"
    yield f"- Default: {format_default(field.default)}"
    commands = ", ".join(f"`{name}`" for name in COMMANDS if field.is_shown(name))
    yield f"- Commands: {commands}\n"


def format_default(value: object) -> str:
    """A default as people read it."""
    if value is None or value == ():
        return "not set"
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if isinstance(value, tuple):
        return f"`{', '.join(map(str, value))}`"
    return f"`{value:,}`" if isinstance(value, int) else f"`{value}`"


if __name__ == "__main__":
    print(reference_page(), end="")  # noqa: T201  (its output is the page)
