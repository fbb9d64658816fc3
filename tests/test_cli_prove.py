"""The verb prove: what a set-up has to define, what is said where it does not, the exit codes."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from fivestep.cli import main
from fivestep.proofs import NAMES
from fivestep.prove import prove

ROOT = Path(__file__).resolve().parents[1]
LINE = """
import torch
from torch import nn

torch.manual_seed(0)
model = nn.Linear(3, 1)
loss_fn = nn.MSELoss()
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
train = torch.randn(30, 3), torch.randn(30, 1)
batch_size = 8
if __name__ == "__main__":
    raise SystemExit("the training was started")
"""
SETUP = """
def setup():
    import torch
    model = torch.nn.Linear(3, 1)
    return {
        "model": model, "loss_fn": torch.nn.MSELoss(), "data": (torch.ones(9, 3), torch.ones(9, 1)),
        "optimizer": torch.optim.SGD(model.parameters(), lr=0.1), EXTRA
    }
"""


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    path, modules = list(sys.path), set(sys.modules)
    yield
    sys.path[:] = path
    for name in set(sys.modules) - modules:
        if name in ("train_setup", "link", "prove_digits", "prove_tokens", "prove_resumed"):
            del sys.modules[name]


def written(folder: Path, text: str) -> str:
    path = folder / "train_setup.py"
    path.write_text(text)
    return str(path)


def test_all_of_them_and_the_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    target = tmp_path / "proof.json"
    code = main(["prove", written(tmp_path, LINE), "--json", str(target), "--seed", "3"])
    out = capsys.readouterr().out
    assert code == 0
    assert out.startswith("fivestep prove: of 9 guarantees 9 hold")
    assert all(name in out for name in NAMES)
    plain = json.loads(target.read_text())
    assert plain["holds"] is True
    assert plain["used"]["batch_size"] == 8
    assert plain["used"]["seed"] == 3


def test_one_that_fails(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = LINE.replace("nn.MSELoss()", "lambda p, t: (p - t).square().sum() / 8")
    arguments = ["prove", written(tmp_path, text), "--only"]
    assert main([*arguments, "accumulated-is-whole,samples-apart", "--json", "-"]) == 1
    plain = json.loads(capsys.readouterr().out)
    verdicts = {one["name"]: one["verdict"] for one in plain["guarantees"]}
    assert verdicts == {"accumulated-is-whole": "fails", "samples-apart": "holds"}
    assert main([*arguments, "samples-apart"]) == 0


def test_a_function_that_returns_them(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["prove", written(tmp_path, SETUP.replace("EXTRA", "")), "--only", NAMES[0]]) == 0
    assert "1 holds" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("model = 1\n", "defines model; loss_fn, optimizer and data are missing"),
        ("", "defines nothing of what is needed"),
        (SETUP.replace("EXTRA", "'lr': 1"), "returned lr, which nothing is done with"),
        ("def setup(): return 3\n", "returned int, and a dict was expected"),
        (LINE.replace("nn.MSELoss()", "nn.MSELoss"), "is the class MSELoss"),
        ("import nonsense_that_is_not_there\n", "No module named"),
        ("def setup(): return 1 / 0\n", "ZeroDivisionError"),
    ],
)
def test_what_is_missing_is_told(
    text: str, words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["prove", written(tmp_path, text)]) == 2
    said = capsys.readouterr()
    assert words in said.err
    assert said.out == ""
    assert "cli_prove.py" not in said.err


BROKEN = """
def helper():
    return 1 / 0
"""


@pytest.mark.parametrize("text", [BROKEN + "helper()\n", BROKEN + "def setup():\n    helper()\n"])
@pytest.mark.parametrize("path", ["train_setup.py", "./below/../train_setup.py", "link.py"])
def test_what_a_file_raises_is_told_with_its_lines(
    path: str, text: str, tmp_path: Path,
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    written(tmp_path, text)
    (tmp_path / "below").mkdir()
    (tmp_path / "link.py").symlink_to("train_setup.py")
    monkeypatch.chdir(tmp_path)
    assert main(["prove", path]) == 2
    said = capsys.readouterr().err
    assert said.count("helper()\n") == 1
    assert "line 3, in helper" in said
    assert said.endswith("ZeroDivisionError: division by zero\n")


def test_a_file_that_takes_the_name_of_a_module_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "random.py"
    path.write_text(LINE)
    random = sys.modules["random"]
    assert main(["prove", str(path), "--only", NAMES[0]]) == 2
    assert sys.modules["random"] is random
    assert str(tmp_path) not in sys.path
    assert "do: give the file another name" in capsys.readouterr().err


def test_data_under_two_names_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    twice = "'train': (torch.ones(8, 3), torch.ones(8, 1))"
    for text in (LINE + "data = train\n", SETUP.replace("EXTRA", twice)):
        assert main(["prove", written(tmp_path, text), "--only", NAMES[0]]) == 2
        assert "data and train" in capsys.readouterr().err
    text = LINE.replace("train =", "data =") + "def train(): pass\n"  # what it does, no data
    assert main(["prove", written(tmp_path, text), "--only", NAMES[0]]) == 0


def test_a_wrong_name_is_told_before_the_file_is_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = written(tmp_path, "raise SystemExit('it was run')\n")
    assert main(["prove", path, "--only", "everything"]) == 2
    assert "choose from accumulated-is-whole" in capsys.readouterr().err
    assert main(["prove", str(tmp_path / "nothing.py")]) == 2
    assert "is no file" in capsys.readouterr().err


def rows(text: str) -> list[tuple[str, ...]]:
    """The guarantees of a page and their verdicts."""
    return re.findall(r"^ ([a-z-]+) +(holds|fails|not applicable|not proved) ", text, re.MULTILINE)


def test_the_page_of_the_docs_says_what_is_said_now() -> None:
    pytest.importorskip("sklearn")
    from fivestep.setup_file import found, load

    said: list[tuple[str, ...]] = []
    for name in ("prove_digits.py", "prove_tokens.py", "prove_resumed.py"):
        path = str(ROOT / "docs" / name)
        given = found(load(path), name)
        positional = [given.pop(one) for one in ("model", "loss_fn", "optimizer", "data")]
        only = "resumed-is-uninterrupted" if name == "prove_resumed.py" else None
        said += rows(str(prove(*positional, **given, setup=path, only=only)))
    page = (ROOT / "docs" / "prove.md").read_text(encoding="utf-8")
    assert rows(page) == said
    assert len(said) == 2 * len(NAMES) + 1
    given = found(load(str(ROOT / "docs" / "prove_tokens.py")), "prove_tokens.py")
    positional = [given.pop(one) for one in ("model", "loss_fn", "optimizer", "data")]
    assert prove(*positional, items=lambda batch: (batch[1] != -1).sum()).holds
