"""Mutants of a file: each is one small mistake in a function, made by a rule on its syntax tree."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from types import CodeType

#: Comparisons, each with the one that it is taken for.
SWAPPED: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
}

#: Of these nothing is made: texts for people, what is cut to fit a column, and what mypy reads.
LEFT_ALONE = (ast.Raise, ast.Slice, ast.JoinedStr, ast.Assert)

Node = ast.expr | ast.stmt
Change = tuple[str, Node]


@dataclass(frozen=True)
class Mutant:
    """One mistake. ``place`` counts the nodes of the function, ``choice`` the changes that they allow.

    ``text`` is the source line of what is changed.
    """

    file: Path
    function: str
    line: int
    column: int
    text: str
    rule: str
    before: str
    after: str
    place: int
    choice: int

    @property
    def change(self) -> str:
        """The source that is replaced and what replaces it, on one line."""
        return f"{self.before} -> {self.after}"

    @property
    def name(self) -> str:
        return f"{self.file.name}:{self.line}:{self.column} {self.function}: {self.rule}: {self.change}"

    def code(self) -> CodeType:
        """The function's code with the mistake in it."""
        tree = ast.parse(self.file.read_text())
        function = dict(functions(tree))[self.function]
        old = list(_nodes(function))[self.place]
        _, new = list(changes(old))[self.choice]
        _Swap(old, ast.fix_missing_locations(ast.copy_location(new, old))).visit(function)
        return code_of(tree, self.file, self.function)


def mutants(file: Path) -> list[Mutant]:
    """All that the rules make of a file's functions, in its order."""
    made: list[Mutant] = []
    source = file.read_text()
    lines = source.splitlines()
    for name, function in functions(ast.parse(source)):
        for place, node in enumerate(_nodes(function)):
            for choice, (rule, new) in enumerate(changes(node)):
                at = node.lineno, node.col_offset, lines[node.lineno - 1].strip()
                made.append(Mutant(file, name, *at, rule, _words(node), _words(new), place, choice))
    return made


def _words(node: Node) -> str:
    """A node's source on one line; of a statement with a block only its head."""
    return ast.unparse(node).splitlines()[0]


def functions(tree: ast.Module) -> Iterator[tuple[str, ast.FunctionDef]]:
    """The functions and methods of a module by their names; those inside of others belong to them."""
    for node in tree.body:
        if isinstance(node, ast.FunctionDef):
            yield node.name, node
        elif isinstance(node, ast.ClassDef):
            for inner in node.body:
                if isinstance(inner, ast.FunctionDef):
                    yield f"{node.name}.{inner.name}", inner


def code_of(tree: ast.Module, file: Path, function: str) -> CodeType:
    """The code of one function of a module."""
    waiting = [compile(tree, str(file), "exec")]
    while waiting:
        code = waiting.pop()
        if code.co_qualname == function:
            return code
        waiting += [inner for inner in code.co_consts if isinstance(inner, CodeType)]
    raise LookupError(f"{file} has no function {function}")


def changes(node: Node) -> Iterator[Change]:
    """What the rules make of a node, each with the rule's name."""
    for rule in RULES:
        yield from rule(node)


def _nodes(function: ast.FunctionDef) -> Iterator[Node]:
    """What of a function can be changed. Names of types and defaults are none of it."""
    waiting: list[ast.AST] = list(reversed(function.body))
    while waiting:
        node = waiting.pop()
        if isinstance(node, LEFT_ALONE) or _is_log(node):
            continue
        if isinstance(node, ast.expr | ast.stmt):
            yield node
        parts = [part for part in ast.iter_child_nodes(node) if part is not getattr(node, "annotation", None)]
        if isinstance(node, ast.FunctionDef):
            parts = list(node.body)
        waiting += reversed(parts)


def _is_log(node: ast.AST) -> bool:
    return isinstance(node, ast.Expr) and ast.unparse(node).startswith("log.")


class _Swap(ast.NodeTransformer):
    """Puts one node in another's place."""

    def __init__(self, old: ast.AST, new: ast.AST) -> None:
        self.old, self.new = old, new

    def visit(self, node: ast.AST) -> ast.AST:
        return self.new if node is self.old else self.generic_visit(node)


# ---------------------------------------------------------------- the rules


def comparison_swapped(node: Node) -> Iterator[Change]:
    if isinstance(node, ast.Compare):
        for number, operator in enumerate(node.ops):
            new = deepcopy(node)
            new.ops[number] = SWAPPED[type(operator)]()
            yield "comparison swapped", new


def one_off(node: Node) -> Iterator[Change]:
    if isinstance(node, ast.Constant) and type(node.value) is int:
        for step in (1, -1):
            yield f"{step:+d}", ast.Constant(node.value + step)


def sign(node: Node) -> Iterator[Change]:
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub) and not _is_ceil(node):
        yield "sign dropped", node.operand
    elif isinstance(node, ast.BinOp | ast.AugAssign) and isinstance(node.op, ast.Add | ast.Sub):
        new = deepcopy(node)
        new.op = ast.Sub() if isinstance(node.op, ast.Add) else ast.Add()
        yield "sign turned", new


def condition(node: Node) -> Iterator[Change]:
    """A whole condition: its contrary, and as if it were always so, or never."""
    if isinstance(node, ast.If | ast.While | ast.IfExp):
        tests: list[tuple[str, ast.expr]] = [("condition negated", ast.UnaryOp(ast.Not(), node.test))]
        if not isinstance(node, ast.While):  # nobody learns from an endless one
            tests.append(("condition dropped", ast.Constant(True)))
        tests.append(("never", ast.Constant(False)))
        for rule, test in tests:
            new = deepcopy(node)
            new.test = deepcopy(test)
            yield rule, new


def part_of_a_condition(node: Node) -> Iterator[Change]:
    """One of several conditions: of Python's, or of those that a statement of SQL asks for."""
    if isinstance(node, ast.BoolOp):
        for value in node.values:
            rest = [other for other in node.values if other is not value]
            yield "condition dropped", rest[0] if len(rest) == 1 else ast.BoolOp(node.op, rest)
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        yield "condition negated", node.operand
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "where":
        for number in range(len(node.args)):
            new = deepcopy(node)
            del new.args[number]
            yield "condition dropped", new if new.args else deepcopy(node.func.value)


def field_left_out(node: Node) -> Iterator[Change]:
    """A field of what is compared, or of what things are put in order by."""
    if isinstance(node, ast.Compare) and isinstance(node.left, ast.Tuple):
        for number in range(len(node.left.elts)):
            new = deepcopy(node)
            sides = [side for side in (new.left, new.comparators[0]) if isinstance(side, ast.Tuple)]
            if len(sides) == 2:  # else the other one is a collection of such tuples
                for side in sides:
                    del side.elts[number]
                yield "field left out", new
    body = node.body if isinstance(node, ast.Lambda) else node.value if isinstance(node, ast.Return) else None
    if isinstance(body, ast.Tuple) and (isinstance(node, ast.Lambda) or len(body.elts) > 2):
        for number in range(len(body.elts)):
            copy = deepcopy(node)
            fields = copy.body if isinstance(copy, ast.Lambda) else getattr(copy, "value", None)
            assert isinstance(fields, ast.Tuple)
            del fields.elts[number]
            yield "field left out", copy


def bound(node: Node) -> Iterator[Change]:
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("min", "max"):
        new = deepcopy(node)
        new.func = ast.Name("max" if node.func.id == "min" else "min", ast.Load())
        yield "min and max swapped", new
        if len(node.args) == 2:
            for argument in node.args:
                yield "bound dropped", argument


def rounding(node: Node) -> Iterator[Change]:
    """Down where it was up, and up where it was down."""
    if _is_ceil(node):
        yield "rounded down", ast.parse(_floor_of(node), mode="eval").body
    elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.FloorDiv) and "-" not in ast.unparse(node):
        yield "rounded up", _negative(ast.BinOp(_negative(node.left), ast.FloorDiv(), node.right))
    elif isinstance(node, ast.Call) and ast.unparse(node.func) == "int":
        yield "rounded up", _negative(ast.BinOp(_negative(node.args[0]), ast.FloorDiv(), ast.Constant(1)))


def statement_dropped(node: Node) -> Iterator[Change]:
    if isinstance(node, ast.AugAssign) or (isinstance(node, ast.Expr) and isinstance(node.value, ast.Call)):
        yield "statement dropped", ast.Pass()


def _is_ceil(node: Node) -> bool:
    """Whether it is ``-(-a // b)``."""
    return (
        isinstance(node, ast.UnaryOp)
        and isinstance(node.op, ast.USub)
        and isinstance(node.operand, ast.BinOp)
        and isinstance(node.operand.op, ast.FloorDiv)
    )


def _floor_of(ceil: ast.AST) -> str:
    return ast.unparse(ceil).replace("-", "", 2)


def _negative(node: ast.expr) -> ast.UnaryOp:
    return ast.UnaryOp(ast.USub(), node)


RULES: tuple[Callable[[Node], Iterator[Change]], ...] = (
    comparison_swapped,
    one_off,
    sign,
    condition,
    part_of_a_condition,
    field_left_out,
    bound,
    rounding,
    statement_dropped,
)
