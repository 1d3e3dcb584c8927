"""The page of the Python interface, from signatures and docstrings of the public names."""

from __future__ import annotations

import ast
import inspect
import re
import textwrap
from collections.abc import Iterator
from typing import Any

import datascan
from website.markdown import inline, paragraphs

HEAD = """\
# Python interface

Generated from the docstrings of `datascan`. Everything on this page can be imported from
`datascan`; all other modules may change in any version.
"""

ENTRY = re.compile(r"^    (\w+): ", re.MULTILINE)
FIRST = ("scan", "scan_net", "scan_log", "Report", "DatasetReport", "NetReport", "LogReport")
"""What most readers look for; the others follow by name."""


def api_page() -> str:
    """All public names, functions first."""
    names = [name for name in datascan.__all__ if name != "__version__"]
    rest = sorted(set(names) - set(FIRST))
    return "\n".join([HEAD, *(line for name in (*FIRST, *rest) for line in entry(name))])


def entry(name: str) -> Iterator[str]:
    """A public name: what it is, and its members."""
    value = getattr(datascan, name)
    yield f"## `{name}`\n"
    if inspect.isclass(value):
        bases = ", ".join(f"`{base.__name__}`" for base in value.__bases__ if base is not object)
        yield f"A class; inherits from {bases}.\n" if bases else "A class.\n"
        yield docstring(value)
        yield from members(value)
    else:
        yield f"```python\n{signature(name, value)}\n```\n"
        yield docstring(value)


def signature(name: str, function: Any) -> str:
    """A signature with one parameter a line, if it is long."""
    found = inspect.signature(function)
    text = f"{name}{found}"
    if len(text) <= 88:
        return text
    parts, keyword_only = [], False
    for parameter in found.parameters.values():
        if parameter.kind is parameter.KEYWORD_ONLY and not keyword_only:
            parts.append("*")
            keyword_only = True
        parts.append(str(parameter))
    inner = "".join(f"    {part},\n" for part in parts)
    return f"{name}(\n{inner}) -> {found.return_annotation}"


def members(kind: type) -> Iterator[str]:
    """The fields, properties and methods that a class defines itself, as a list."""
    for name, note, text in (*fields(kind), *methods(kind)):
        yield f"- **`{name}`**{note}{': ' if text else ''}{text}"
    yield ""


def fields(kind: type) -> Iterator[tuple[str, str, str]]:
    """Name, type and meaning of the fields of a struct."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(kind))).body[0]
    assert isinstance(tree, ast.ClassDef)
    for statement in tree.body:
        if not isinstance(statement, ast.AnnAssign) or not isinstance(statement.target, ast.Name):
            continue
        if statement.target.id.startswith("_"):
            continue
        written = statement.annotation
        text = ""
        if isinstance(written, ast.Subscript) and ast.unparse(written.value) == "Annotated":
            assert isinstance(written.slice, ast.Tuple)
            written, meta = written.slice.elts[:2]
            text = description(meta)
        yield statement.target.id, f" (`{ast.unparse(written)}`)", text


def description(meta: ast.expr) -> str:
    """The description that ``Meta(...)`` gives a field, or nothing."""
    if isinstance(meta, ast.Call):
        for keyword in meta.keywords:
            if keyword.arg == "description":
                return inline(str(ast.literal_eval(keyword.value)))
    return ""


def methods(kind: type) -> Iterator[tuple[str, str, str]]:
    """Name, signature and docstring of properties and methods."""
    for name, value in vars(kind).items():
        if name.startswith("_"):
            continue
        function = getattr(value, "fget", None) or getattr(value, "__func__", value)
        if not inspect.isfunction(function):
            continue
        text = inline(inspect.getdoc(function) or "")
        yield (name, "", text) if isinstance(value, property) else (f"{name}()", "", text)


def docstring(value: Any) -> str:
    """A docstring in Google's style as Markdown."""
    text = inspect.getdoc(value) or ""
    parts = re.split(r"^(Args|Raises|Returns):\n", text, flags=re.MULTILINE)
    lines = [paragraphs(parts[0])]
    for title, body in zip(parts[1::2], parts[2::2], strict=True):
        found = ENTRY.split(body)
        lines.append(f"\n{title}:\n")
        if len(found) == 1:
            lines.append(paragraphs(inspect.cleandoc(body)))
        pairs = zip(found[1::2], found[2::2], strict=True)
        lines += [f"- `{name}`: {inline(what)}" for name, what in pairs]
    return "\n".join(lines) + "\n"
