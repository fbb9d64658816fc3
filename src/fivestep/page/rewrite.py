"""The script with the knobs written into it, as changed lines; and what cannot be said so."""

from __future__ import annotations

import ast
import difflib
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

import torch

from fivestep.page.protocol import Message

AS_WRITTEN = (
    ("skip_zero_grad", False), ("zero_grad_at", "as written"), ("clip", None), ("eval_mode", None),
)  # fmt: skip
BEFORE = {"before forward": "forward", "before loss": "loss", "before backward": "backward",
          "before update": "update", "after update": "update"}  # fmt: skip
ORDER = ("forward", "loss", "backward", "update")
LONG = 100_000  # characters of a script


class UnsaidError(ValueError):
    """It cannot be said by changed lines; the words say why."""


class Edit(NamedTuple):
    """Characters from one place to another become others."""

    begin: int
    end: int
    text: str


def changes(
    file: str, text: str, lines: Mapping[str, set[int]], knobs: Mapping[str, Any]
) -> Message:
    """The fields of a message.

    Args:
        file: what it is called.
        text: of the script.
        lines: of each step, where it was seen to stand in this file.
        knobs: those that were turned, and where they stand.
    """
    script = _Script(text, lines)
    edits: list[Edit] = []
    unsaid: list[str] = []
    for name, value in knobs.items():
        if (name, value) in AS_WRITTEN:
            continue
        try:
            edits += _SAY[name](script, value)
        except UnsaidError as error:
            unsaid.append(f"{name}: {error}")
    new = _edited(text, edits)
    try:
        ast.parse(new)
    except SyntaxError:
        new, unsaid = text, [*unsaid, "the lines could not be changed without breaking them"]
    pairs = text.splitlines(), new.splitlines()
    diff = "\n".join(difflib.unified_diff(*pairs, file, f"{file}, changed", lineterm="", n=2))
    return {"file": file, "text": new if len(new) <= LONG else "", "diff": diff, "unsaid": unsaid}


def _edited(text: str, edits: list[Edit]) -> str:
    for one in sorted(edits, reverse=True):
        text = text[: one.begin] + one.text + text[one.end :]
    return text


class _Script:
    def __init__(self, text: str, lines: Mapping[str, set[int]]) -> None:
        self.text, self._lines = text, lines
        try:
            self.tree = ast.parse(text)
        except (SyntaxError, ValueError, RecursionError):
            self.tree = ast.Module([], [])
        self._starts = [0]
        for line in text.splitlines(keepends=True):
            self._starts.append(self._starts[-1] + len(line))

    def span(self, node: ast.expr | ast.stmt | ast.keyword) -> tuple[int, int]:
        assert node.end_lineno is not None
        assert node.end_col_offset is not None
        return self.at(node.lineno, node.col_offset), self.at(node.end_lineno, node.end_col_offset)

    def at(self, line: int, column: int) -> int:
        """Columns of a syntax tree are bytes."""
        start = self._starts[line - 1]
        rest = self.text[start : self._starts[line]].encode()
        return start + len(rest[:column].decode())

    def statement(self, step: str) -> tuple[ast.stmt, list[ast.stmt]]:
        """The statement of a step, and the block in which it stands."""
        lines = self._lines.get(step, set())
        if not lines:
            raise UnsaidError(f"the script has no line of its own for {step}")
        if len(lines) > 1:
            raise UnsaidError(f"the script has several lines for {step}")
        (line,) = lines
        for block in self._blocks():
            for one in block:
                if one.lineno <= line <= (one.end_lineno or line) and not hasattr(one, "body"):
                    return one, block
        raise UnsaidError(f"{step} stands in the head of a block")

    def _blocks(self) -> Iterator[list[ast.stmt]]:
        for node in ast.walk(self.tree):
            for name in ("body", "orelse", "finalbody"):
                block = getattr(node, name, None)
                if isinstance(block, list):
                    yield block

    def new_line(self, near: ast.stmt, words: str, *, below: bool = False) -> Edit:
        """One more line before a statement, or after it."""
        indent = " " * near.col_offset
        line = (near.end_lineno or near.lineno) + 1 if below else near.lineno
        place = self._starts[min(line, len(self._starts)) - 1]
        broken = below and not self.text[:place].endswith("\n")
        return Edit(place, place, ("\n" if broken else "") + f"{indent}{words}\n")

    def optimizer(self) -> ast.Call:
        made = [node for node in ast.walk(self.tree) if _makes_optimizer(node)]
        if len(made) != 1:
            count = "no optimizer is" if not made else f"{len(made)} optimizers are"
            raise UnsaidError(f"{count} made in this file")
        assert isinstance(made[0], ast.Call)
        return made[0]

    def given(self, call: ast.Call, name: str, value: str, place: int | None = None) -> Edit:
        """An argument of a call gets another value."""
        if any(one.arg is None for one in call.keywords):
            raise UnsaidError("the optimizer's arguments come from a dictionary")
        for one in call.keywords:
            if one.arg == name:
                return Edit(*self.span(one.value), value)
        if place is not None and len(call.args) > place:
            return Edit(*self.span(call.args[place]), value)
        last = max(self.span(one)[1] for one in [*call.args, *(k.value for k in call.keywords)])
        return Edit(last, last, f", {name}={value}")


def _makes_optimizer(node: ast.AST) -> bool:
    if not isinstance(node, ast.Call) or not node.args:
        return False
    name = getattr(node.func, "attr", getattr(node.func, "id", ""))
    kind = getattr(torch.optim, name, None)
    return isinstance(kind, type) and issubclass(kind, torch.optim.Optimizer)


def _lr(script: _Script, value: Any) -> list[Edit]:
    return [script.given(script.optimizer(), "lr", f"{value:g}", 1)]


def _momentum(script: _Script, value: Any) -> list[Edit]:
    call = script.optimizer()
    name = getattr(call.func, "attr", getattr(call.func, "id", ""))
    if name in ("SGD", "RMSprop"):
        return [script.given(call, "momentum", f"{value:g}")]
    betas = next((one.value for one in call.keywords if one.arg == "betas"), None)
    if betas is None:
        return [script.given(call, "betas", f"({value:g}, 0.999)")]
    if isinstance(betas, ast.Tuple) and betas.elts:
        return [Edit(*script.span(betas.elts[0]), f"{value:g}")]
    raise UnsaidError("its betas are not written as a pair")


def _without_clear(script: _Script) -> tuple[Edit, str, ast.stmt, list[ast.stmt]]:
    node, block = script.statement("zero_grad")
    if not isinstance(node, ast.Expr) or node.lineno != node.end_lineno:
        raise UnsaidError("zero_grad stands in a line with something else")
    begin, end = script.span(node)
    words = script.text[begin:end]
    return Edit(begin, end, f"pass  # {words}, left out"), words, node, block


def _skip(script: _Script, value: Any) -> list[Edit]:
    return [_without_clear(script)[0]]


def _place(script: _Script, value: Any) -> list[Edit]:
    out, words, node, block = _without_clear(script)
    step = BEFORE[value]
    target, home = script.statement(step)
    if home is not block:
        raise UnsaidError(f"zero_grad and {step} stand in different blocks")
    before = ORDER[ORDER.index(step) - 1] if step != "forward" else ""
    after = value == "after update"
    if before and not after and script.statement(before)[0] is target:
        raise UnsaidError(f"{before} and {step} stand in one line")
    line = script.new_line(target, words, below=after)
    gone = Edit(out.begin - node.col_offset, out.end + 1, "")
    return [gone, line] if len(block) > 1 else [out, line]


def _clip(script: _Script, value: Any) -> list[Edit]:
    node, _ = script.statement("update")
    call = next((one for one in ast.walk(node) if _calls(one, "step")), None)
    if call is None or not any(_imports_torch(one) for one in ast.walk(script.tree)):
        raise UnsaidError("the update is no call of an optimizer, or torch has another name here")
    owner = ast.unparse(call.func.value)  # pyright: ignore[reportAttributeAccessIssue]
    inside = f'[p for group in {owner}.param_groups for p in group["params"]]'
    return [script.new_line(node, f"torch.nn.utils.clip_grad_norm_({inside}, {value:g})")]


def _mode(script: _Script, value: Any) -> list[Edit]:
    node, _ = script.statement("forward")
    models = [one for one in ast.walk(node) if _asks_a_model(one)]
    if len(models) != 1:
        raise UnsaidError("which call on the line of forward is the model's is not plain")
    name = ast.unparse(models[0].func)  # pyright: ignore[reportAttributeAccessIssue]
    mode = "eval" if value else "train"
    found = [script.new_line(node, f"{name}.{mode}()")]
    return [*found, script.new_line(node, f"{name}.train()", below=True)] if value else found


def _asks_a_model(node: ast.AST) -> bool:
    """A plain name that is called with plain names: ``model(x)``, not ``loss_fn(model(x), y)``."""
    if not isinstance(node, ast.Call) or len(node.args) != 1:
        return False
    return isinstance(node.func, ast.Name) and isinstance(node.args[0], ast.Name)


def _calls(node: ast.AST, method: str) -> Any:
    return (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == method
    )


def _imports_torch(node: ast.AST) -> bool:
    return isinstance(node, ast.Import) and any(
        one.name.partition(".")[0] == "torch" and not one.asname for one in node.names
    )


_SAY: dict[str, Callable[[_Script, Any], list[Edit]]] = {
    "lr": _lr, "momentum": _momentum, "skip_zero_grad": _skip, "zero_grad_at": _place,
    "clip": _clip, "eval_mode": _mode,
}  # fmt: skip
