"""Take one check out of the package, by its code, while a test runs: what it found must then go unseen.

The functions that mention the code are compiled again with the check cut out: a ``raise`` or a ``yield`` of a
finding becomes nothing, a pair of the code and an SQL condition keeps the code with the condition "false".
Only the code objects of the functions are exchanged, so that whoever holds a function has the cut one.
"""

from __future__ import annotations

import ast
import contextlib
import inspect
import sys
from collections.abc import Iterator
from types import CodeType, FunctionType, ModuleType

ROOMS = ("rnc_epi.extracts", "rnc_epi.store")


class _Cut(ast.NodeTransformer):
    """Cut the checks of one code out of a module."""

    def __init__(self, code: str) -> None:
        self.code = code
        self.carriers: set[str] = set()
        self.cuts = 0

    def _mentions(self, node: ast.AST | None) -> bool:
        return node is not None and any(
            (isinstance(part, ast.Constant) and part.value == self.code)
            or (isinstance(part, ast.Name) and part.id in self.carriers)
            for part in ast.walk(node)
        )

    def _nothing(self, node: ast.stmt) -> ast.stmt:
        self.cuts += 1
        return ast.copy_location(ast.Pass(), node)

    def visit_Assign(self, node: ast.Assign) -> ast.AST:
        # ``code = "H106" if … else "H007"``: what is raised with it later is a check of both.
        if isinstance(node.value, ast.IfExp) and self._mentions(node.value):
            self.carriers |= {target.id for target in node.targets if isinstance(target, ast.Name)}
        return self.generic_visit(node)

    def visit_Raise(self, node: ast.Raise) -> ast.AST:
        return self._nothing(node) if self._mentions(node.exc) else node

    def visit_Expr(self, node: ast.Expr) -> ast.AST:
        value = node.value.value if isinstance(node.value, ast.Yield) else node.value
        # A finding that is yielded, or a code that is added to what was put right.
        if isinstance(value, ast.Call) and any(self._mentions(argument) for argument in value.args[:1]):
            self.cuts += 1
            empty = ast.Expr(ast.Constant(None))
            if isinstance(node.value, ast.Yield):
                # The function stays a generator.
                unreached = ast.Expr(ast.Yield(ast.Constant(None)))
                empty = ast.If(ast.Constant(False), [unreached], [])  # type: ignore[assignment]
            return ast.fix_missing_locations(ast.copy_location(empty, node))
        return self.generic_visit(node)

    def visit_Tuple(self, node: ast.Tuple) -> ast.AST:
        first = node.elts[0] if node.elts else None
        if len(node.elts) == 2 and isinstance(first, ast.Constant | ast.IfExp) and self._mentions(first):
            self.cuts += 1
            node.elts[1] = ast.copy_location(ast.Constant("false"), node.elts[1])
            return node
        return self.generic_visit(node)


def _constants(code: CodeType) -> Iterator[object]:
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _constants(constant)
        elif isinstance(constant, tuple):
            yield from constant
        else:
            yield constant


def _functions(module: ModuleType) -> Iterator[FunctionType]:
    for thing in vars(module).values():
        if isinstance(thing, FunctionType) and thing.__module__ == module.__name__:
            yield inspect.unwrap(thing)  # type: ignore[misc]
        elif isinstance(thing, type) and thing.__module__ == module.__name__:
            yield from (part for part in vars(thing).values() if isinstance(part, FunctionType))


def _codes(code: CodeType) -> Iterator[CodeType]:
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _codes(constant)


@contextlib.contextmanager
def removed(code: str) -> Iterator[int]:
    """Cut every check of a code out of the rooms of extracts; yield how many there were."""
    kept: list[tuple[FunctionType, CodeType]] = []
    cuts = 0
    modules = [m for name, m in sorted(sys.modules.items()) if name.startswith(ROOMS) and m is not None]
    try:
        for module in modules:
            concerned = [f for f in _functions(module) if code in set(_strings(f.__code__))]
            if not concerned:
                continue
            cut = _Cut(code)
            tree = ast.fix_missing_locations(cut.visit(ast.parse(inspect.getsource(module))))
            cuts += cut.cuts
            compiled = {
                part.co_qualname: part for part in _codes(compile(tree, module.__file__ or "", "exec"))
            }
            for function in concerned:
                kept.append((function, function.__code__))
                function.__code__ = compiled[function.__qualname__]
        yield cuts
    finally:
        for function, whole in kept:
            function.__code__ = whole


def _strings(code: CodeType) -> Iterator[str]:
    return (constant for constant in _constants(code) if isinstance(constant, str))
