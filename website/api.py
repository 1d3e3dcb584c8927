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

MAX_SIGNATURE = 88
"""Characters of a signature in one line."""


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
        bases = [base.__name__ for base in value.__mro__[1:] if is_public(base)]
        if bases:
            yield f"Inherits from `{bases[0]}`.\n"
        yield docstring(value)
        yield from members(value)
    else:
        yield f"```python\n{signature(name, value)}\n```\n"
        yield docstring(value)


def is_public(kind: type) -> bool:
    """Whether a class has an entry of its own, or is one of Python."""
    return kind.__name__ in datascan.__all__ or (
        kind is not object and kind.__module__ == "builtins" and kind is not BaseException
    )


def signature(name: str, function: Any) -> str:
    """A signature, with one parameter a line if it is long."""
    found = inspect.signature(function)
    parts = []
    for parameter in found.parameters.values():
        if parameter.name in {"self", "cls"}:
            continue
        if parameter.kind is parameter.KEYWORD_ONLY and "*" not in parts:
            parts.append("*")
        parts.append(written(parameter))
    result = "" if found.return_annotation is found.empty else f" -> {found.return_annotation}"
    line = f"{name}({', '.join(parts)}){result}"
    if len(line) <= MAX_SIGNATURE:
        return line
    inner = "".join(f"    {part},\n" for part in parts)
    return f"{name}(\n{inner}){result}"


def written(parameter: inspect.Parameter) -> str:
    """A parameter as in the source: annotations are strings, which Python would quote."""
    stars = {parameter.VAR_POSITIONAL: "*", parameter.VAR_KEYWORD: "**"}.get(parameter.kind, "")
    text = f"{stars}{parameter.name}"
    if parameter.annotation is not parameter.empty:
        text += f": {parameter.annotation}"
    return text if parameter.default is parameter.empty else f"{text} = {parameter.default!r}"


def members(kind: type) -> Iterator[str]:
    """The fields, properties and methods of a class and of its bases without an entry."""
    own = [kind]
    for base in kind.__mro__[1:]:
        if is_public(base) or not base.__module__.startswith("datascan."):
            break
        own.append(base)
    for part in own:
        for name, note, text in (*fields(part), *methods(part)):
            yield f"- **`{name}`**{note}{': ' if text else ''}{text}"
    yield ""


def fields(kind: type) -> Iterator[tuple[str, str, str]]:
    """Name, type and meaning of the fields of a struct."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(kind))).body[0]
    assert isinstance(tree, ast.ClassDef)
    for statement in tree.body:
        if not isinstance(statement, ast.AnnAssign) or not isinstance(statement.target, ast.Name):
            continue
        if not statement.target.id.startswith("_"):
            shown, text = annotated(statement.annotation)
            yield statement.target.id, f" (`{ast.unparse(shown)}`)", text


def annotated(annotation: ast.expr) -> tuple[ast.expr, str]:
    """The type of a field, and the description in ``Annotated[type, Meta(...)]``."""
    if not isinstance(annotation, ast.Subscript) or ast.unparse(annotation.value) != "Annotated":
        return annotation, ""
    assert isinstance(annotation.slice, ast.Tuple)
    shown, meta = annotation.slice.elts[:2]
    keywords = meta.keywords if isinstance(meta, ast.Call) else []
    texts = [word.value for word in keywords if word.arg == "description"]
    return shown, inline(str(ast.literal_eval(texts[0]))) if texts else ""


def methods(kind: type) -> Iterator[tuple[str, str, str]]:
    """Name, signature and docstring of properties and methods."""
    for name, value in vars(kind).items():
        if name.startswith("_"):
            continue
        function = getattr(value, "fget", None) or getattr(value, "__func__", value)
        if not inspect.isfunction(function):
            continue
        text = inline(inspect.getdoc(function) or "").replace("Raises: ", "Raises ")
        if isinstance(value, property):
            yield name, "", text
        else:
            line = " ".join(signature(name, function).split())
            yield line.replace("( ", "(").replace(", )", ")"), "", text


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
