"""Traces written by hand from docs/protocol.md: a line, learnt by gradient descent."""

from __future__ import annotations

import math
from typing import Any

Message = dict[str, Any]

SOURCE = '''"""Learn y = 2x + 1."""

import torch
from torch import nn

torch.manual_seed(0)
x = torch.linspace(-1, 1, 100).unsqueeze(1)
y = 2 * x + 1

model = nn.Linear(1, 1)
loss_fn = nn.MSELoss()
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)

for epoch in range(40):
    prediction = model(x)
    loss = loss_fn(prediction, y)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()

print(f"{model.weight.item():.3f} x + {model.bias.item():.3f}")
'''
LINES = {"forward": 15, "loss": 16, "zero_grad": 17, "backward": 18, "update": 19}
SECONDS = {"forward": 6.1e-5, "loss": 4.2e-5, "zero_grad": 9e-6, "backward": 1.5e-4, "update": 8e-5}
STEPS = list(LINES)
PLACES = (
    "as written", "before forward", "before loss", "before backward", "before update",
    "after update",
)  # fmt: skip
RATE = 0.1
SPREAD = 0.34  # the mean of the squares of x


def knobs() -> Message:
    works = {"works": True, "why": ""}
    return {
        "lr": {"value": RATE, "range": [0, 1000], "unit": "a step", **works},
        "momentum": {"value": 0, "range": [0, 0.9999], "unit": "", **works},
        "skip_zero_grad": {"value": False, "choices": [False, True], "unit": "", **works},
        "zero_grad_at": {"value": "as written", "choices": list(PLACES), "unit": "", **works},
        "clip": {"value": None, "range": [0, 1e6], "unit": "norm", **works},
        "eval_mode": {
            "value": None, "choices": [None, True, False], "unit": "",
            "works": False, "why": "no model has been called yet: a model has the modes",
        },
    }  # fmt: skip


def line(iterations: int = 30, *, nan_at: int = 0, finding_at: int = 0) -> list[Message]:
    """A whole record, numbered from 1, without the states, which the player makes."""
    weight, bias = -0.007, 0.536
    found: list[Message] = [_hello()]
    for iteration in range(1, iterations + 1):
        slope, shift = 2 * SPREAD * (weight - 2), 2 * (bias - 1)
        loss: Any = SPREAD * (weight - 2) ** 2 + (bias - 1) ** 2
        if nan_at and nan_at <= iteration < nan_at + 3:
            loss = "NaN"
        after = weight - RATE * slope, bias - RATE * shift
        for step in STEPS:
            found.append(_moment(iteration, step, (weight, bias), (slope, shift), after, loss))
        if iteration == 1:
            found.insert(-4, {"kind": "order", "steps": STEPS})
        found.append(_iteration(iteration, loss, (weight, bias), (slope, shift)))
        if iteration == finding_at:
            found.append(_finding(iteration))
        weight, bias = after
    found.append({"kind": "end", "reason": "finished", "message": "", "exit_code": 0})
    return [{"v": 1, "seq": seq} | message for seq, message in enumerate(found, start=1)]


def _hello() -> Message:
    return {
        "kind": "hello", "run": "by-hand-1", "script": "train.py", "arguments": [],
        "sources": [{"file": "train.py", "text": SOURCE}],
        "versions": {"fivestep": "0", "python": "3.11", "torch": "2.13"},
        "mode": "live", "knobs": knobs(),
    }  # fmt: skip


def _moment(
    iteration: int, step: str, held: tuple[float, ...], slopes: tuple[float, ...],
    after: tuple[float, ...], loss: Any,
) -> Message:  # fmt: skip
    known = step in ("backward", "update") or (step in ("forward", "loss") and iteration > 1)
    told = {"dtype": "float32"}
    values = [{"name": "loss", "text": str(loss)[:7], "shape": [], **told}]
    if step == "forward":
        start = "[0.543, 0.5429, 0.5427, …]"
        values = [{"name": "prediction", "text": start, "shape": [100, 1], **told}]
    if step in ("zero_grad", "update"):
        values = [{"name": "optimizer", "text": "SGD, lr 0.1"}]
    parameters = [
        {
            "name": name, "shape": [1, 1] if name == "weight" else [1], "before": [held[i]],
            "gradient": [slopes[i]] if known else None,
            "after": [after[i]] if step == "update" else None,
            "norm": abs(held[i]), "gradient_norm": abs(slopes[i]) if known else None,
        }
        for i, name in enumerate(("weight", "bias"))
    ]  # fmt: skip
    return {
        "kind": "moment", "iteration": iteration, "step": step,
        "site": {"file": "train.py", "line": LINES[step], "function": "<module>"},
        "seconds": SECONDS[step], "values": values, "parameters": parameters, "rate": RATE,
        "loss": None if step == "forward" else loss,
    }  # fmt: skip


def _iteration(
    iteration: int, loss: Any, held: tuple[float, ...], slopes: tuple[float, ...]
) -> Message:
    pairs = zip(held, slopes, strict=True)
    ratios = [math.log10(max(RATE * abs(slope), 1e-12) / abs(one)) for one, slope in pairs]
    return {
        "kind": "iteration", "iteration": iteration, "loss": loss, "rate": RATE,
        "gradient_norm": math.hypot(*slopes), "seconds": {**SECONDS, "data": 0.0},
        "layers": [["weight", ratios[0]], ["bias", ratios[1]]],
    }  # fmt: skip


def _finding(iteration: int) -> Message:
    return {
        "kind": "finding", "rule": "leftover-gradient", "code": "FS301", "severity": "wrong",
        "confidence": 1.0, "file": "train.py", "line": LINES["backward"], "function": "<module>",
        "message": "the gradient was not empty when backward began: it is the sum of two",
        "cause": "backward adds to what is there; nothing emptied it",
        "fix": "call `optimizer.zero_grad()` before `loss.backward()`",
        "cell": None, "source": "    loss.backward()", "excerpt": [], "iteration": iteration,
        "count": 1, "ranks": [], "evidence": {"share": 0.5}, "consequences": [],
        "summary": "gradients of earlier iterations are added to the new ones",
        "explain": "fivestep explain leftover-gradient", "seq_of": 6 * (iteration - 1) + 6,
    }  # fmt: skip
