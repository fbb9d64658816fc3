"""The statement that stands at a line: the names in it, and where a name was given its value."""

from __future__ import annotations

import ast
import functools
import linecache
from collections.abc import Iterator
from types import FrameType
from typing import NamedTuple

Span = tuple[int, int, int, int]  # first line, last line, first column, last column


class Statement(NamedTuple):
    """One statement, or the head of one that holds others."""

    line: int
    names: tuple[str, ...]  # in the order in which they stand there; a.b stands under "a.b"
    targets: tuple[str, ...]  # that it gives a value to
    whole: Span | None  # of the call whose result is the value


def statement(file: str, line: int) -> Statement | None:
    """The statement at a line of a file; None if it cannot be read."""
    return _statements(file).get(line)


def calling(frame: FrameType) -> Span | None:
    """Where the call stands in which a frame is just now."""
    place = list(frame.f_code.co_positions())[frame.f_lasti // 2]
    first, last, begin, end = place
    if first is None or last is None or begin is None or end is None:
        return None
    return first, last, begin, end


def given(file: str, line: int, name: str) -> int | None:
    """The last line above another, in the same function, that gives a name its value."""
    found = [
        one.line
        for one in _statements(file).values()
        if name in one.targets and one.line < line and _home(file, one.line) == _home(file, line)
    ]
    return max(found, default=None)


def judged(file: str, line: int) -> list[str]:
    """The names that may be the loss whose gradients are computed at a line.

    ``loss.backward()``, ``self.loss.backward()``, ``scaler.scale(loss).backward()`` and
    ``accelerator.backward(loss)``: the first that holds a tensor is meant.
    """
    found: list[str] = []
    for node in _calls(file, line):
        called = node.func
        if isinstance(called, ast.Attribute) and called.attr == "backward":
            inner = called.value.args if isinstance(called.value, ast.Call) else []
            found += [_dotted(one) for one in (called.value, *inner, *node.args)]
    return [name for name in found if name]


def losses(file: str, line: int) -> list[str]:
    """The names in the statements from a line on, in the same function, that make a ``loss``."""
    found = [
        one
        for one in _statements(file).values()
        if one.line >= line
        and _home(file, one.line) == _home(file, line)
        and any("loss" in name.lower() for name in one.targets)
    ]
    return list(dict.fromkeys(name for one in found[:1] for name in one.names))


@functools.lru_cache(maxsize=64)
def _tree(file: str) -> ast.Module | None:
    try:
        return ast.parse("".join(linecache.getlines(file)))
    except (SyntaxError, ValueError, RecursionError):
        return None


@functools.lru_cache(maxsize=64)
def _statements(file: str) -> dict[int, Statement]:
    found: dict[int, Statement] = {}
    tree = _tree(file)
    for node in ast.walk(tree) if tree is not None else ():
        if isinstance(node, ast.stmt):
            made = _statement(node)
            for line in range(node.lineno, _last(node) + 1):
                found.setdefault(line, made)  # of several in a line, the outermost, then the first
                if not hasattr(node, "body"):
                    found[line] = made
    return found


def _last(node: ast.stmt) -> int:
    """The last line of a statement; of one with a body, of its head."""
    body = getattr(node, "body", None)
    last = node.end_lineno or node.lineno
    return max(node.lineno, min(last, body[0].lineno - 1)) if body else last


def _statement(node: ast.stmt) -> Statement:
    parts = list(_parts(node))
    names = dict.fromkeys(name for part in parts for name in _names(part))
    targets = dict.fromkeys(name for part in _targets(node) for name in _names(part))
    value = getattr(node, "value", None)
    whole = None
    if isinstance(value, ast.Call) and value.end_lineno and value.end_col_offset is not None:
        whole = value.lineno, value.end_lineno, value.col_offset, value.end_col_offset
    return Statement(node.lineno, tuple(names), tuple(targets), whole)


def _parts(node: ast.stmt) -> Iterator[ast.AST]:
    """What stands in the head of a statement, not what it holds."""
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        return
    for name, value in ast.iter_fields(node):
        if name in ("body", "orelse", "finalbody", "handlers", "cases"):
            continue
        for one in value if isinstance(value, list) else [value]:
            if isinstance(one, ast.AST):
                yield one


def _targets(node: ast.stmt) -> list[ast.expr]:
    if isinstance(node, ast.Assign):
        return node.targets
    if isinstance(node, (ast.AnnAssign, ast.AugAssign)):
        return [node.target]
    return []


def _names(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Name):
        yield node.id
    elif isinstance(node, ast.Attribute) and (dotted := _dotted(node)):
        yield dotted
    elif not isinstance(node, (ast.Lambda, ast.comprehension)):
        for child in ast.iter_child_nodes(node):
            if isinstance(node, ast.Call) and child is node.func:
                yield from _called(child)
            else:
                yield from _names(child)


def _called(node: ast.AST) -> Iterator[str]:
    """Of ``optimizer.step()`` the optimizer is the name, the step a method."""
    yield from _names(node.value if isinstance(node, ast.Attribute) else node)


def _dotted(node: ast.expr) -> str:
    if isinstance(node, ast.Name):
        return node.id
    base = _dotted(node.value) if isinstance(node, ast.Attribute) else ""
    return f"{base}.{node.attr}" if base and isinstance(node, ast.Attribute) else ""


@functools.lru_cache(maxsize=4096)
def _home(file: str, line: int) -> int:
    """The first line of the innermost function around a line; 0 outside of all."""
    tree = _tree(file)
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    around = [
        node.lineno
        for node in (ast.walk(tree) if tree is not None else ())
        if isinstance(node, kinds) and node.lineno <= line <= (node.end_lineno or line)
    ]
    return max(around, default=0)


def _calls(file: str, line: int) -> list[ast.Call]:
    tree = _tree(file)
    return [
        node
        for node in (ast.walk(tree) if tree is not None else ())
        if isinstance(node, ast.Call) and node.lineno <= line <= (node.end_lineno or line)
    ]
