"""What the user calls things, read from the line that shows a fault, for a fix in their words."""

from __future__ import annotations

import ast
import linecache
import re
import textwrap
from collections.abc import Callable, Iterator

from fivestep.vitals.facts import Site

LONG = 8  # lines of one statement that are read
CONVERSIONS = re.compile(
    r"\.(?:squeeze|unsqueeze|view|reshape|flatten|float|double|long|to|type|detach)\([^()]*\)$"
)


def arguments(site: Site | None) -> list[str]:
    """What a loss is called with: ``["model(x)", "y"]`` in ``loss = loss_fn(model(x), y)``."""
    text, call = _call(site)
    return [ast.get_source_segment(text, one) or "" for one in call.args] if call else []


def rewritten(site: Site | None, change: Callable[[list[str]], list[str]]) -> str:
    """The user's line with other arguments in the call of its loss; "" if it cannot be read."""
    text, call = _call(site)
    if call is None or "\n" in text:
        return ""
    old = [ast.get_source_segment(text, one) or "" for one in call.args]
    for one, new in reversed(list(zip(call.args, change(old), strict=True))):
        text = text[: one.col_offset] + new + text[one.end_col_offset :]
    return text


def bare(text: str) -> str:
    """``y`` in ``y.float().unsqueeze(1)``: the thing without what changes its type or shape."""
    while CONVERSIONS.search(text):
        text = CONVERSIONS.sub("", text)
    return text


def is_name(text: str) -> bool:
    """A name with or without dots, to which a method can be put: ``batch.y``, not ``a + b``."""
    return all(part.isidentifier() for part in text.split("."))


def called(site: Site | None, default: str) -> str:
    """What the user calls the model: ``net`` in ``loss_fn(net(x), y)``; ``default`` if unsure."""
    tree = _statement(site)[1]
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)] if tree else []
    names = {name for call in calls if (name := _name(call.func))}
    return names.pop() if len(names) == 1 else default


def _name(function: ast.expr) -> str:
    """A name that may be a model's: called itself, or kept by self; no loss and no type."""
    name = ast.unparse(function)
    if not re.fullmatch(r"(self\.)?\w+", name):
        return ""
    return "" if re.search(r"loss|crit|^(len|int|float|str|sum|print|zip)$", name) else name


def _call(site: Site | None) -> tuple[str, ast.Call | None]:
    """The outermost call with two arguments at least, and the text of its statement."""
    text, tree = _statement(site)
    calls = (node for node in ast.walk(tree) if isinstance(node, ast.Call)) if tree else iter(())
    return text, next((call for call in calls if len(call.args) > 1), None)


def _statement(site: Site | None) -> tuple[str, ast.AST | None]:
    """The statement that begins in a line, over several lines if it goes on."""
    for text in _texts(site):
        try:
            return text, ast.parse(text)
        except SyntaxError:
            continue
    return "", None


def _texts(site: Site | None) -> Iterator[str]:
    lines: list[str] = []
    for number in range(site.line, site.line + LONG) if site is not None else ():
        lines.append(linecache.getline(site.file, number) if site is not None else "")
        yield textwrap.dedent("".join(lines)).strip()
