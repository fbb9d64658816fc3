"""A fix is said in the user's words: their names, their line."""

from __future__ import annotations

import linecache
import warnings
from pathlib import Path

import pytest
import torch
from torch import nn

import fivestep
from fivestep.reading import arguments, bare, called, rewritten
from fivestep.vitals import Site


def site(text: str, line: int = 1) -> Site:
    file = f"<test {hash(text)}>"
    lines = text.splitlines(keepends=True)
    linecache.cache[file] = (len(text), None, lines, file)
    return Site(file, line)


@pytest.mark.parametrize(
    ("text", "given"),
    [
        ("loss = loss_fn(model(x), y)\n", ["model(x)", "y"]),
        ("    return F.mse_loss(out[:, 0], batch.y.float())\n", ["out[:, 0]", "batch.y.float()"]),
        ("loss = criterion(\n    net(x),\n    y,\n)\n", ["net(x)", "y"]),
        ("(crit(a, b) / 4).backward()\n", ["a", "b"]),
        ("loss = (a - b).pow(2).mean()\n", []),
        ("for x, y in loader:\n", []),
        ("", []),
    ],
)
def test_what_a_loss_is_called_with(text: str, given: list[str]) -> None:
    assert arguments(site(text)) == given


def test_a_line_is_given_back_with_one_argument_changed() -> None:
    here = site("        loss = loss_fn(y_pred, y)  # no\n")
    assert rewritten(here, lambda given: [given[0], f"{given[1]}[:, None]"]) == (
        "loss = loss_fn(y_pred, y[:, None])  # no"
    )
    assert rewritten(here, lambda given: given[::-1]) == "loss = loss_fn(y, y_pred)  # no"
    assert rewritten(site("loss = crit(\n    a,\n    b)\n"), lambda given: given) == ""
    assert rewritten(None, lambda given: given) == ""


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("loss = loss_fn(net(x), y)\n", "net"),
        ("return self.criterion(self.encoder(x), y)\n", "self.encoder"),
        ("acc = (clf(x).argmax(1) == y).float().mean()\n", "clf"),
        ("out = clf(prepare(x))\n", "model"),  # which of the two is not known
        ("out = torch.relu(x)\n", "model"),
        ("out = net(x)[\n", "model"),
    ],
)
def test_what_the_model_is_called(text: str, name: str) -> None:
    assert called(site(text), "model") == name


def test_a_thing_without_its_conversions() -> None:
    assert bare("y.float().unsqueeze(1)") == "y"
    assert bare("batch.label.to(device)") == "batch.label"
    assert bare("model(x)") == "model(x)"
    assert bare("x.mean()") == "x.mean()"


def fixes(loop: str, tmp_path: Path) -> list[str]:
    path = tmp_path / "loop.py"
    path.write_text(loop)
    names = {"torch": torch, "nn": nn}
    with fivestep.listen() as doctor:
        exec(compile(loop, str(path), "exec"), names)
    return [one.fix for one in doctor.report().findings]


LOOP = """\
net = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Dropout(0.5), nn.Linear(8, OUTPUTS))
opt = torch.optim.SGD(net.parameters(), lr=0.01)
X = torch.randn(64, 4)
truth = TRUTH
MODE
for _ in range(30):
    guess = net(X)
    opt.zero_grad()
    LOSS
    loss.backward()
    opt.step()
"""


@pytest.mark.parametrize(
    ("outputs", "truth", "mode", "loss", "fix"),
    [
        (
            "1", "X[:, 0]", "", "loss = nn.MSELoss()(guess, truth)",
            "make the shapes equal: `loss = nn.MSELoss()(guess, truth.unsqueeze(1))`",
        ),
        (
            "1", "X[:, :1]", "", "loss = nn.MSELoss()(guess, truth.squeeze(1))",
            "make the shapes equal: `loss = nn.MSELoss()(guess, truth)`",
        ),
        (
            "1", "X[:, 0]", "", "loss = nn.L1Loss()(guess, 2 * truth)",
            "make the shapes equal: `loss = nn.L1Loss()(guess, (2 * truth).unsqueeze(1))`",
        ),
        ("1", "X[:, :1]", "net.eval()", "loss = nn.functional.mse_loss(guess, truth)",
         "call `net.train()` before the first batch of every epoch"),
        (
            "1", "(X[:, :1] > 0).float()", "",
            "loss = nn.functional.binary_cross_entropy_with_logits(truth, guess)",
            "put the prediction first: "
            "`loss = nn.functional.binary_cross_entropy_with_logits(guess, truth)`",
        ),
    ],
)  # fmt: skip
def test_fixes_use_the_names_of_the_line(
    outputs: str, truth: str, mode: str, loss: str, fix: str, tmp_path: Path
) -> None:
    loop = LOOP.replace("OUTPUTS", outputs).replace("TRUTH", truth)
    loop = loop.replace("MODE", mode).replace("LOSS", loss)
    torch.set_num_threads(1)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Using a target size")  # torch sees it, too
        assert fixes(loop, tmp_path) == [fix]
