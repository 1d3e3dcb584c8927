"""What may become of a node of the syntax tree: one replacement for each mutation."""

from __future__ import annotations

import ast
import copy
from collections.abc import Callable, Iterator
from typing import Any, cast

COMPARISONS: dict[type[ast.cmpop], list[type[ast.cmpop]]] = {
    ast.Lt: [ast.LtE, ast.GtE],
    ast.LtE: [ast.Lt, ast.Gt],
    ast.Gt: [ast.GtE, ast.LtE],
    ast.GtE: [ast.Gt, ast.Lt],
    ast.Eq: [ast.NotEq],
    ast.NotEq: [ast.Eq],
    ast.Is: [ast.IsNot],
    ast.IsNot: [ast.Is],
    ast.In: [ast.NotIn],
    ast.NotIn: [ast.In],
}
ARITHMETIC: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.FloorDiv,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult,
    ast.Mod: ast.FloorDiv,
    ast.LShift: ast.RShift,
    ast.RShift: ast.LShift,
    ast.BitAnd: ast.BitOr,
    ast.BitOr: ast.BitAnd,
    ast.BitXor: ast.BitAnd,
    ast.Pow: ast.Mult,
}
OPPOSITES = {"min": "max", "max": "min", "any": "all", "all": "any"}
LOGS = {"warn", "warning", "debug", "info"}


def altered(node: ast.AST, **fields: Any) -> Any:
    """A shallow copy of a node with other fields."""
    other = copy.copy(node)
    for name, value in fields.items():
        setattr(other, name, value)
    return other


def at(items: list[Any], index: int, item: object) -> list[Any]:
    """A list with one item replaced."""
    return [*items[:index], item, *items[index + 1 :]]


def is_text(node: ast.AST) -> bool:
    """Whether a node is a literal text, also one with values filled in."""
    if isinstance(node, ast.JoinedStr):
        return True
    return isinstance(node, ast.Constant) and isinstance(node.value, str | bytes)


def negated(test: ast.expr) -> Iterator[ast.expr]:
    """The opposite of a condition, unless the operators inside of it are changed anyway."""
    if not isinstance(test, ast.Compare | ast.BoolOp | ast.Constant) and not (
        isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not)
    ):
        yield ast.UnaryOp(ast.Not(), test)


def comparison(node: ast.Compare) -> Iterator[ast.AST]:
    """Boundaries and opposites; texts on either side are keys."""
    for index, operator in enumerate(node.ops):
        for kind in COMPARISONS[type(operator)]:
            yield altered(node, ops=at(node.ops, index, kind()))
    for index, operand in enumerate(node.comparators):
        for other in other_key(operand):
            yield altered(node, comparators=at(node.comparators, index, other))


def arithmetic(node: ast.BinOp | ast.AugAssign) -> Iterator[ast.AST]:
    """The opposite operator; texts are only joined and filled in, which is not arithmetic."""
    operands = [node.left, node.right] if isinstance(node, ast.BinOp) else [node.value]
    if type(node.op) in ARITHMETIC and not any(map(is_text, operands)):
        yield altered(node, op=ARITHMETIC[type(node.op)]())


def boolean(node: ast.BoolOp) -> Iterator[ast.AST]:
    """The other operator, and the condition without one of its parts."""
    yield altered(node, op=ast.Or() if isinstance(node.op, ast.And) else ast.And())
    for index in range(len(node.values)):
        rest = [*node.values[:index], *node.values[index + 1 :]]
        yield altered(node, values=rest) if len(rest) > 1 else rest[0]


def constant(node: ast.Constant) -> Iterator[ast.AST]:
    """Numbers next to a number, and the other truth value."""
    if isinstance(node.value, bool):
        yield ast.Constant(not node.value)
    elif isinstance(node.value, int):
        yield ast.Constant(node.value + 1)
        yield ast.Constant(node.value - 1)
    elif isinstance(node.value, float):
        yield ast.Constant(node.value * 2 if node.value else 1.0)


def other_key(node: ast.expr) -> Iterator[ast.expr]:
    """Another text for one that is used as a key."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield ast.Constant("XX" + node.value)
    elif isinstance(node, ast.Constant) and isinstance(node.value, bytes):
        yield ast.Constant(b"XX" + node.value)


def dictionary(node: ast.Dict) -> Iterator[ast.AST]:
    """Other keys."""
    for index, key in enumerate(node.keys):
        for other in other_key(key) if key else ():
            yield altered(node, keys=at(node.keys, index, other))


def call(node: ast.Call) -> Iterator[ast.AST]:
    """The opposite of a function, and another key to ``get``."""
    if isinstance(node.func, ast.Name) and node.func.id in OPPOSITES:
        yield altered(node, func=ast.Name(OPPOSITES[node.func.id]))
    if isinstance(node.func, ast.Attribute) and node.func.attr in {"get", "pop"} and node.args:
        for other in other_key(node.args[0]):
            yield altered(node, args=at(node.args, 0, other))


def slicing(node: ast.Slice) -> Iterator[ast.AST]:
    """A slice without one of its ends."""
    if node.lower:
        yield altered(node, lower=None)
    if node.upper:
        yield altered(node, upper=None)


def unary(node: ast.UnaryOp) -> Iterator[ast.AST]:
    """The operand alone."""
    yield node.operand


def tested(node: ast.If | ast.While | ast.IfExp) -> Iterator[ast.AST]:
    """The opposite condition."""
    for test in negated(node.test):
        yield altered(node, test=test)


def comprehension(node: ast.comprehension) -> Iterator[ast.AST]:
    """The opposite of each filter."""
    for index, test in enumerate(node.ifs):
        for other in negated(test):
            yield altered(node, ifs=at(node.ifs, index, other))


def returned(node: ast.Return) -> Iterator[ast.AST]:
    """None instead of the value."""
    is_falsy = isinstance(node.value, ast.Constant) and node.value.value in {None, False}
    if node.value is not None and not is_falsy:
        yield ast.Return(ast.Constant(None))


def effect(node: ast.Expr) -> Iterator[ast.AST]:
    """Nothing, instead of a call."""
    if isinstance(node.value, ast.Call):
        function = node.value.func
        name = function.attr if isinstance(function, ast.Attribute) else ""
        if name not in LOGS:
            yield ast.Pass()


def assignment(node: ast.Assign) -> Iterator[ast.AST]:
    """Nothing, instead of a change to an object."""
    if all(isinstance(target, ast.Attribute | ast.Subscript) for target in node.targets):
        yield ast.Pass()


def augmented(node: ast.AugAssign) -> Iterator[ast.AST]:
    """Another operator, or nothing."""
    yield from arithmetic(node)
    yield ast.Pass()


def handler(node: ast.ExceptHandler) -> Iterator[ast.AST]:
    """An exception that is not handled."""
    if not (len(node.body) == 1 and isinstance(node.body[0], ast.Raise)):
        yield altered(node, body=[ast.Raise()])


Operator = Callable[[Any], Iterator[ast.AST]]

OPERATORS: dict[type[ast.AST], Operator] = {
    ast.Compare: comparison,
    ast.BinOp: arithmetic,
    ast.BoolOp: boolean,
    ast.Constant: constant,
    ast.Dict: dictionary,
    ast.Call: call,
    ast.Slice: slicing,
    ast.UnaryOp: unary,
    ast.If: tested,
    ast.While: tested,
    ast.IfExp: tested,
    ast.comprehension: comprehension,
    ast.Return: returned,
    ast.Expr: effect,
    ast.Assign: assignment,
    ast.AugAssign: augmented,
    ast.Raise: lambda _: iter([ast.Pass()]),
    ast.Continue: lambda _: iter([ast.Break()]),
    ast.Break: lambda _: iter([ast.Continue()]),
    ast.ExceptHandler: handler,
}


def replacements(node: ast.AST) -> list[ast.AST]:
    """All mutations of one node; those of its parts are theirs."""
    operator = OPERATORS.get(type(node))
    found = list(operator(node)) if operator else []
    if isinstance(node, ast.Subscript):
        found = [altered(node, slice=other) for other in other_key(cast(ast.expr, node.slice))]
    return found
