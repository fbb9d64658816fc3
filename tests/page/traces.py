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


def watched(
    iterations: int = 120, *, runs: int = 1, finding_at: int = 0, nan_at: int = 0,
    resumed_at: int = 0, ends: bool = True, later: bool = False,
) -> list[Message]:  # fmt: skip
    """Trainings as ``fit`` tells them, epochs of ten iterations; each with a rate of its own.

    With ``later`` the last of them began while the others were watched; of none, one is waited for.
    """
    found: list[Message] = [] if runs else [{"kind": "waiting", "folder": "runs", "of": 0}]
    for place in range(runs):
        told = [_training(place, runs), *_points(iterations, 1 + place, nan_at)]
        told[0] |= {"later": later and place == runs - 1}
        if resumed_at:
            told.insert(1 + resumed_at, {"kind": "resumed", "iteration": resumed_at, "process": {}})
        if finding_at:
            told.append(_finding(finding_at) | {"seq_of": None})
        if ends:
            best = [one for one in told if one["kind"] == "entry"][-1]
            told.append({"kind": "end", "reason": "finished", "message": "all 12 epochs are done",
                         "best": {k: v for k, v in best.items() if k != "kind"}})  # fmt: skip
        found += [one | {"of": place} for one in told]
    return [{"v": 1, "seq": seq} | one for seq, one in enumerate(found, start=1)]


def _training(place: int, runs: int) -> Message:
    rate = 0.01 * 3**place
    setup = {
        "options": {"length": "12 epochs", "monitor": "validation_loss", "mode": "min"},
        "model": "Sequential", "batches": 10, "optimizer_options": [{"lr": rate}],
        "versions": {"torch": "2.13", "fivestep": "0"},
    }  # fmt: skip
    return {
        "kind": "hello", "run": f"20260102-03040{place}-17", "script": "train.py", "arguments": [],
        "sources": [], "versions": setup["versions"], "mode": "watch", "knobs": {}, "setup": setup,
        "seed": 0, "began": 1.8e9, "process": {}, "runs": runs,
    }  # fmt: skip


def _points(iterations: int, speed: int, nan_at: int) -> list[Message]:
    found: list[Message] = []
    for i in range(1, iterations + 1):
        loss: Any = round(math.exp(-speed * i / 60) * (1 + 0.3 * math.sin(3.1 * i)) + 0.05, 9)
        told = "NaN" if i == nan_at else loss
        found.append({
            "kind": "iteration", "iteration": i, "epoch": 1 + (i - 1) // 10, "at": i / 50,
            "loss": told, "low": loss * 0.9, "high": loss * 1.1, "count": 2, "rate": 0.01 * speed,
            "gradient_norm": 3 * loss, "layers": [], "samples_per_second": 4000 + 50 * (i % 7),
            "seconds": {"data": 1e-3, **SECONDS, "other": 2e-4},
        })  # fmt: skip
        if i % 4 == 0:
            logs = [-3 + math.sin(i / 9), None, -2.0 - i / 100, -6.0]
            names = ["encoder.layers.0.self_attn.in_proj_weight", "encoder.frozen", "head.weight",
                     "head.bias"]  # fmt: skip
            rows = [list(pair) for pair in zip(names, logs, strict=True)]
            found.append({"kind": "layers", "iteration": i, "layers": rows})
        if i % 10 == 0:
            found.append({
                "kind": "entry", "when": "epoch", "epoch": i // 10, "iteration": i, "update": i,
                "loss": loss, "validation_loss": loss * 1.2, "validation_accuracy": 1 - loss / 2,
                "learning_rate": 0.01 * speed, "gradient_norm": 3 * loss, "seconds": i / 50,
                "samples_per_second": 4000.5,
            })  # fmt: skip
    return found
