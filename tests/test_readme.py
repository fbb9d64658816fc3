"""The README holds: its code runs, its words are those of the program, its commands exist."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import nn

import fivestep

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(page: str) -> list[str]:
    return re.findall(r"```python\n(.*?)```", (ROOT / page).read_text("utf-8"), flags=re.DOTALL)


PAGES = ("README.md", "docs/training.md")
BLOCKS = {f"{page} {n}": b for page in PAGES for n, b in enumerate(blocks(page))}


def test_line_five_shows_the_loop() -> None:
    line = README.splitlines()[4]
    places = [line.find(word) for word in ("model(", "loss_fn(", "zero_grad", "backward", ".step(")]
    assert -1 not in places
    assert places == sorted(places)


def test_there_are_python_blocks() -> None:
    assert all(len(blocks(page)) >= 2 for page in PAGES)


@pytest.mark.parametrize("block", BLOCKS.values(), ids=BLOCKS)
def test_each_block_runs_as_it_stands(block: str, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", block],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip()


def test_the_quoted_refusal_is_what_fit_says() -> None:
    quoted = re.search(r"to do: `(prediction .*?)`", README.replace("\n  ", " "), flags=re.DOTALL)
    assert quoted is not None
    model = nn.Linear(3, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    data = (torch.zeros(8, 3), torch.zeros(8))
    with pytest.raises(ValueError, match="broadcast") as refusal:
        fivestep.fit(model, nn.MSELoss(), optimizer, data, epochs=1, progress=False)
    said = " ".join(str(refusal.value).split())
    parts = [part.strip() for part in quoted[1].split("...")]
    assert len(parts) == 2
    for part in parts:
        assert part in said


@pytest.mark.parametrize(
    "target", sorted(set(re.findall(r"(?:^|`)make (\w+)", README, re.MULTILINE)))
)
def test_each_make_target_exists(target: str) -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert re.search(rf"^{target}:", makefile, flags=re.MULTILINE), target


@pytest.mark.parametrize("link", re.findall(r"\]\((?!http)([^)#]+)\)", README))
def test_each_link_leads_to_a_file(link: str) -> None:
    assert (ROOT / link).exists()
