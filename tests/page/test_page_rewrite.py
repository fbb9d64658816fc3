"""The knobs, written into the script: it does what the knobs did."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from hand import Item, Steered, Told

from fivestep.page.perform import perform
from fivestep.page.rewrite import changes

SCRIPT = """\
import torch
from torch import nn

torch.manual_seed(1)
x = torch.randn(12, 3)
y = x.sum(1, keepdim=True)
model = nn.Sequential(nn.Linear(3, 4), nn.Dropout(0.5), nn.Linear(4, 1))
optimizer = torch.optim.{optimizer}
for i in range(5):
    prediction = model(x)
    loss = nn.functional.mse_loss(prediction, y)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    # the end of the loop
torch.save([one.detach() for one in model.parameters()], {path!r})
"""
OPTIMIZERS = {
    "sgd": "SGD(model.parameters(), lr=0.05)", "placed": "SGD(model.parameters(), 0.05)",
    "adam": "Adam(model.parameters(), lr=0.01)", "plain": "Adam(model.parameters())",
    "betas": "Adam(model.parameters(), betas=(0.8, 0.99), lr=0.01)",
}  # fmt: skip
KNOBS: list[list[tuple[str, Any]]] = [
    [("lr", 0.3)], [("momentum", 0.5)], [("skip_zero_grad", True)], [("clip", 0.1)],
    [("zero_grad_at", "before forward")], [("zero_grad_at", "before loss")],
    [("zero_grad_at", "before backward")], [("zero_grad_at", "before update")],
    [("zero_grad_at", "after update")], [("eval_mode", True)], [("eval_mode", False)],
    [("lr", 0.2), ("clip", 0.5), ("zero_grad_at", "before update"), ("eval_mode", True)],
    [("clip", 0.5), ("clip", None), ("skip_zero_grad", True), ("skip_zero_grad", False)],
]  # fmt: skip


def weights(path: Path) -> list[torch.Tensor]:
    return torch.load(path, weights_only=True)


def run(text: str, tmp_path: Path, plan: list[Item]) -> Told:
    script = tmp_path / "train.py"
    script.write_text(text)
    told = Told()
    perform(str(script), [], told.post, Steered(plan), run_id="x", share=0.0)
    assert told[-1]["reason"] == "finished", told[-1]
    return told


@pytest.mark.parametrize("knobs", KNOBS, ids=str)
@pytest.mark.parametrize("optimizer", list(OPTIMIZERS))
def test_the_changed_script_does_what_the_knobs_did(
    optimizer: str, knobs: list[tuple[str, Any]], tmp_path: Path
) -> None:
    """Turned before the first step but known by its lines: those of a run before."""
    path = tmp_path / "weights.pt"
    text = SCRIPT.format(optimizer=OPTIMIZERS[optimizer], path=str(path))
    told = run(text, tmp_path, [*knobs, "play"])
    by_knobs = weights(path)
    lines = {"forward": {10}, "loss": {11}, "zero_grad": {12}, "backward": {13}, "update": {14}}
    last = dict(knobs)
    made = changes("train.py", text, lines, last)
    assert made["unsaid"] == []
    run(made["text"], tmp_path, ["play"])
    assert all(a.equal(b) for a, b in zip(by_knobs, weights(path), strict=True)), made["diff"]
    same = {"clip": None, "skip_zero_grad": False}, {"zero_grad_at": "before backward"}
    assert (made["diff"] == "") is (last in same)
    assert len(told.of("changes")) == len(knobs)


def test_it_comes_after_the_answer_with_the_lines_that_were_seen(tmp_path: Path) -> None:
    text = SCRIPT.format(optimizer=OPTIMIZERS["sgd"], path=str(tmp_path / "w.pt"))
    plan: list[Item] = [("clip", 1.0), *["step"] * 6, ("lr", 0.5), "play"]
    first, second = run(text, tmp_path, plan).of("changes")
    assert first["unsaid"] == ["clip: the script has no line of its own for update"]
    assert second["unsaid"] == []
    assert "+    torch.nn.utils.clip_grad_norm_(" in second["diff"]
    assert "-optimizer = torch.optim.SGD(model.parameters(), lr=0.05)" in second["diff"]
    assert "+optimizer = torch.optim.SGD(model.parameters(), lr=0.5)" in second["diff"]


UNSAID = {
    "two optimizers": ("a = torch.optim.SGD(p, lr=1)\nb = torch.optim.Adam(q)\n", {"lr": 0.1}),
    "a dictionary": ("a = torch.optim.SGD(p, **settings)\n", {"lr": 0.1}),
    "none": ("a = make()\n", {"lr": 0.1}),
    "no line": ("a = 1\n", {"skip_zero_grad": True}),
    "no Python": ("a = = 1\n", {"lr": 0.1}),
}


@pytest.mark.parametrize("name", list(UNSAID))
def test_what_cannot_be_said_is_said_to_be_so(name: str) -> None:
    text, knobs = UNSAID[name]
    made = changes("a.py", text, {}, knobs)
    assert made["unsaid"]
    assert (made["text"], made["diff"]) == (text, "")


@pytest.mark.parametrize(
    ("lines", "place"),
    [
        ({"forward": {1}, "loss": {1}, "zero_grad": {3}, "backward": {4}}, "before loss"),
        ({"forward": {1}, "loss": {2}, "zero_grad": {3}, "backward": {6}}, "before backward"),
        ({"forward": {1, 2}, "zero_grad": {3}}, "before forward"),
    ],
    ids=["one line", "another block", "two lines"],
)
def test_a_place_that_no_line_has(lines: dict[str, set[int]], place: str) -> None:
    text = "p = m(x)\nl = f(p)\no.zero_grad()\nl.backward()\nif x:\n    l.backward()\n"
    made = changes("a.py", text, lines, {"zero_grad_at": place})
    assert made["unsaid"][0].startswith("zero_grad_at: ")
    assert made["text"] == text


def test_letters_of_several_bytes_and_a_last_line_without_end() -> None:
    text = (
        "import torch\nwörter = 'ä'; o = torch.optim.SGD(ö, lr=0.1)  # ü\no.zero_grad()\no.step()"
    )
    made = changes(
        "a.py", text, {"update": {4}, "zero_grad": {3}}, {"lr": 0.5, "zero_grad_at": "after update"}
    )
    assert made["unsaid"] == []
    expected = (
        "import torch\nwörter = 'ä'; o = torch.optim.SGD(ö, lr=0.5)  # ü\no.step()\no.zero_grad()\n"
    )
    assert made["text"] == expected
