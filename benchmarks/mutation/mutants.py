"""Finds all mutants of a module."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmarks.mutation.operators import replacements

SKIPPED_FIELDS: dict[type[ast.AST], set[str]] = {
    ast.FunctionDef: {"decorator_list", "returns"},
    ast.ClassDef: {"decorator_list", "bases", "keywords"},
    ast.AnnAssign: {"annotation"},
    ast.arg: {"annotation"},
    ast.Raise: {"exc", "cause"},
    ast.FormattedValue: {"format_spec"},
}
"""Parts of a node that are never changed."""

SKIPPED_NAMES = {"__all__", "__slots__", "__repr__"}


@dataclass(frozen=True, kw_only=True)
class Mutant:
    """One change of a module.

    ``file`` is relative to the package, ``number`` counts the mutants of a file. ``lines`` are
    those of the changed statement; none if it is executed by the import of the module.
    """

    file: str
    number: int
    place: str
    line: int
    lines: range
    old: str
    new: str

    @property
    def key(self) -> tuple[str, str, str]:
        """Names the mutant, wherever it is in the file."""
        return f"{self.file}: {self.place}", self.old, self.new


@dataclass(frozen=True)
class Place:
    """Where a node is: the names of the enclosing functions, and the lines of its statement."""

    names: tuple[str, ...] = ()
    lines: range = range(0)
    in_function: bool = False


def is_skipped(node: ast.AST) -> bool:
    """Docstrings and other texts, imports, assertions, and what only type checkers see."""
    match node:
        case (
            ast.Import()
            | ast.ImportFrom()
            | ast.Assert()
            | ast.Expr(value=ast.Constant())
            | ast.If(test=ast.Name(id="TYPE_CHECKING"))
            | ast.Call(func=ast.Name(id="cast" | "TypeVar" | "isinstance" | "issubclass"))
            | ast.keyword(arg="strict" | "copy")  # of zip and astype: the result is the same
        ):
            return True
        case ast.FunctionDef(name=name) | ast.Assign(targets=[ast.Name(id=name)]):
            return name in SKIPPED_NAMES
    return False


def statement_lines(node: ast.stmt | ast.ExceptHandler) -> range:
    """The lines of a simple statement, or of the head of a compound one.

    Of the handler of an exception, the lines of its body, since the head is executed for all
    exceptions.
    """
    if isinstance(node, ast.ExceptHandler):
        return range(node.lineno, (node.body[-1].end_lineno or node.lineno) + 1)
    body = getattr(node, "body", None)
    last = node.end_lineno or node.lineno
    if body and isinstance(body, list):
        last = max(node.lineno, body[0].lineno - 1)
    return range(node.lineno, last + 1)


def enter(node: ast.AST, place: Place) -> Place:
    """The place of the parts of a node."""
    if isinstance(node, ast.FunctionDef | ast.ClassDef):
        is_function = isinstance(node, ast.FunctionDef) or place.in_function
        return Place((*place.names, node.name), place.lines, is_function)
    return place


def children(node: ast.AST) -> Iterator[tuple[str, int | None, ast.AST]]:
    """The parts of a node that may be changed, each with its field and its index in a list."""
    for name, value in ast.iter_fields(node):
        if name in SKIPPED_FIELDS.get(type(node), ()):
            continue
        if isinstance(value, ast.AST):
            yield name, None, value
        elif isinstance(value, list):
            for index, item in enumerate(value):
                if isinstance(item, ast.AST):
                    yield name, index, item


def put(parent: ast.AST, name: str, index: int | None, node: ast.AST) -> None:
    """Sets a part of a node."""
    if index is None:
        setattr(parent, name, node)
    else:
        getattr(parent, name)[index] = node


def text_of(node: ast.AST) -> str:
    """The source of a node in one line; of a compound statement, its head."""
    if isinstance(node, ast.comprehension):
        node = ast.GeneratorExp(ast.Name("_"), [node])
    if isinstance(node, ast.Slice):
        node = ast.Subscript(ast.Name("_"), node)
    return ast.unparse(node).partition("\n")[0] if isinstance(node, ast.stmt) else one_line(node)


def one_line(node: ast.AST) -> str:
    """The source of an expression or handler in one line."""
    return " ".join(ast.unparse(node).split())


def context_of(parent: ast.AST, node: ast.AST) -> ast.AST:
    """The node to show: a number alone says little."""
    is_part = isinstance(node, ast.Constant | ast.Slice) and isinstance(
        parent, ast.expr | ast.stmt | ast.arguments
    )
    return parent if is_part else node


class Finder:
    """Walks the tree of one module, and changes it for a moment for each mutant."""

    def __init__(self, package: Path, file: str) -> None:
        self.file = file
        self.tree = ast.parse((package / file).read_text())
        self.count = 0
        self.sources: dict[int, str] = {}
        """The changed module for each of the numbers in it."""

    def mutants(self) -> Iterator[Mutant]:
        """All mutants, in the order of the source."""
        yield from self._walk(self.tree, Place())

    def _walk(self, parent: ast.AST, place: Place) -> Iterator[Mutant]:
        for name, index, node in list(children(parent)):
            if is_skipped(node):
                continue
            if isinstance(node, ast.stmt | ast.ExceptHandler):
                place = Place(place.names, statement_lines(node), place.in_function)
            yield from self._variants(parent, name, index, node, place)
            yield from self._walk(node, enter(node, place))

    def _variants(
        self, parent: ast.AST, name: str, index: int | None, node: ast.AST, place: Place
    ) -> Iterator[Mutant]:
        for other in replacements(node):
            shown = context_of(parent, node)
            old = text_of(shown)
            put(parent, name, index, other)
            new = text_of(shown if shown is parent else other)
            if self.count in self.sources:
                self.sources[self.count] = ast.unparse(ast.fix_missing_locations(self.tree)) + "\n"
            put(parent, name, index, node)
            yield Mutant(
                file=self.file,
                number=self.count,
                place=".".join(place.names) or "module",
                line=place.lines[0],
                lines=place.lines if place.in_function else range(0),
                old=old,
                new=new,
            )
            self.count += 1


def find_mutants(package: Path, name: str) -> list[Mutant]:
    """All mutants of a package or module below ``package``, such as ``readers/lmdb``."""
    root = package / name
    files = sorted(root.rglob("*.py")) if root.is_dir() else [root.with_suffix(".py")]
    names = [str(file.relative_to(package)) for file in files]
    return [mutant for file in names for mutant in Finder(package, file).mutants()]


def mutated_source(package: Path, mutant: Mutant) -> str:
    """The text of the module with the change."""
    finder = Finder(package, mutant.file)
    finder.sources[mutant.number] = ""
    for _ in finder.mutants():
        pass
    return finder.sources[mutant.number]
