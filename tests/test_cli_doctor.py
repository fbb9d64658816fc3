"""The verbs: a script under ``run`` behaves as without, and the report says what is wrong."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import fivestep
from fivestep.cli_doctor import add_verbs

SCRIPT = """\
import pickle
import sys

import torch
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.line = nn.Linear(4, 1)

    def forward(self, x):
        return self.line(x)


if __name__ == "__main__":
    torch.manual_seed(0)
    net = Net()
    opt = torch.optim.SGD(net.parameters(), lr=0.01)
    x = torch.randn(16, 4)
    for _ in range(12):
        loss = (net(x) - x[:, :1]).pow(2).mean()
        CLEAR
        loss.backward()
        opt.step()
    print("loss", loss.item(), sys.argv[1:], __name__, __file__ == sys.argv[0])
    print("pickled", len(pickle.dumps(net)) > 100, sys.path[0])
    END
"""
MAIN = (
    "import argparse, sys; from fivestep.cli_doctor import add_verbs; "
    "p = argparse.ArgumentParser(); add_verbs(p.add_subparsers()); a = p.parse_args(); "
    "sys.exit(a.verb(a))"
)


def _script(tmp_path: Path, *, clear: bool, end: str = "pass") -> Path:
    path = tmp_path / "train_line.py"
    path.write_text(
        SCRIPT.replace("CLEAR", "opt.zero_grad()" if clear else "pass").replace("END", end)
    )
    return path


def _python(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    source = str(Path(fivestep.__file__).parents[1])
    return subprocess.run(
        [sys.executable, "-W", "error", *arguments], capture_output=True, text=True, cwd=cwd,
        env={"PYTHONPATH": source, "OMP_NUM_THREADS": "1", "PATH": "/usr/bin:/bin"},
        timeout=120, check=False,
    )  # fmt: skip


@pytest.mark.parametrize(
    "end", ["pass", "sys.exit(3)", "sys.exit('no')", "raise KeyError('mine')", "sys.exit()"]
)
def test_script_behaves_as_without(tmp_path: Path, end: str) -> None:
    script = str(_script(tmp_path, clear=True, end=end))
    without = _python(script, "--lr", "3", "-m", cwd=tmp_path)
    with_ = _python("-c", MAIN, "run", script, "--lr", "3", "-m", cwd=tmp_path)
    assert with_.stdout == without.stdout
    assert with_.returncode == without.returncode
    assert with_.stderr.startswith(without.stderr)
    assert "nothing to say" in with_.stderr


def test_module_behaves_as_without(tmp_path: Path) -> None:
    package = tmp_path / "package"
    package.mkdir()
    (package / "__init__.py").write_text("")
    _script(tmp_path, clear=True).rename(package / "train.py")
    without = _python("-m", "package.train", "a", cwd=tmp_path)
    with_ = _python("-c", MAIN, "run", "-m", "package.train", "a", cwd=tmp_path)
    assert without.returncode == 0
    assert with_.stdout == without.stdout
    assert with_.returncode == 0


def test_check_fails_when_something_is_wrong_and_files_are_written(tmp_path: Path) -> None:
    script = _script(tmp_path, clear=False)
    files = {name: tmp_path / f"out.{name}" for name in ("json", "sarif", "jsonl")}
    done = _python(
        "-c", MAIN, "run", "--check", "--json", str(files["json"]), "--sarif", str(files["sarif"]),
        "--record", str(files["jsonl"]), str(script), cwd=tmp_path,
    )  # fmt: skip
    assert done.returncode == 1
    (finding,) = json.loads(files["json"].read_text())["findings"]
    assert finding["rule"] == "stale-gradient"
    assert "opt.zero_grad()" in finding["fix"]
    assert finding["file"] == str(script)
    assert script.read_text().splitlines()[finding["line"] - 1].strip() == "loss.backward()"
    assert json.loads(files["sarif"].read_text())["runs"][0]["results"]
    again = _python(
        "-c", MAIN, "check", "--check", "--json", "-", str(files["jsonl"]), cwd=tmp_path
    )
    assert again.returncode == 1
    assert json.loads(again.stdout)["findings"] == [finding]


def test_other_ranks_are_silent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    parser = argparse.ArgumentParser()
    add_verbs(parser.add_subparsers())
    arguments = parser.parse_args(["run", str(_script(tmp_path, clear=False))])
    monkeypatch.setenv("RANK", "1")
    assert arguments.verb(arguments) == 0


def _verb(*words: str) -> int:
    parser = argparse.ArgumentParser()
    add_verbs(parser.add_subparsers())
    arguments = parser.parse_args(words)
    return arguments.verb(arguments)


def test_explain_shows_docs_loops_and_report(capsys: pytest.CaptureFixture[str]) -> None:
    assert _verb("explain", "FS301") == 0
    page = capsys.readouterr().out
    for part in (
        "*Why is this bad?*",
        "def sick(",
        "def healthy(",
        "wrong  stale-gradient",
        "nothing to say",
    ):
        assert part in page


def test_rules_lists_the_catalogue(capsys: pytest.CaptureFixture[str]) -> None:
    assert _verb("rules") == 0
    assert "FS301  stale-gradient" in capsys.readouterr().out


def test_a_wrong_name_or_file_is_said_before_the_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _verb("run", "--rules", "nonsense", str(tmp_path / "train.py")) == 2
    assert "is no rule" in capsys.readouterr().err
    assert _verb("run", str(tmp_path / "train.py")) == 2
    assert "is no file" in capsys.readouterr().err
    (tmp_path / "other.jsonl").write_text("{}\n")
    assert _verb("check", str(tmp_path / "other.jsonl")) == 2
    assert "is no record" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (["run", "nosuch.py"], "nosuch.py is no file"),
        (["run", "--rules", "nonsense", "x.py"], "'nonsense' is no rule"),
        (["check", "nosuch.jsonl"], "nosuch.jsonl"),
        (["explain", "nonsense"], "'nonsense' is no rule"),
    ],
)
def test_a_mistake_is_told_in_words_and_not_by_a_traceback(
    given: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    from fivestep.cli import main

    assert main(given) == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.startswith("fivestep: ")
    assert words in told.err
    assert "Traceback" not in told.err


@pytest.mark.parametrize("place", ["rules/late.py", "page/late.py"])
def test_an_interrupt_while_we_are_at_work_ends_at_the_scripts_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], place: str
) -> None:
    """As where rules are loaded in the middle of a step, or an error of ours is handled."""
    from fivestep.listen.script import Outcome

    def called(text: str, file: Path, **names: Any) -> Any:
        exec(compile(text, str(file), "exec"), names)
        return names["run"]

    late = "def run():\n try:\n  {}['no']\n except KeyError:\n  raise KeyboardInterrupt\n"
    ours = called(late, Path(fivestep.__file__).parent / place)
    script = tmp_path / "train.py"
    script.write_text("def run():\n    ours()\n")
    theirs = called(script.read_text(), script, ours=ours)
    with pytest.raises(KeyboardInterrupt) as caught:
        theirs()
    Outcome(130, caught.value).show()
    told = capsys.readouterr().err
    files = [line.split('"')[1] for line in told.splitlines() if line.startswith('  File "')]
    assert files == [__file__, str(script)]  # who called the script here is nobody of ours
    assert "    ours()\n" in told
    assert "KeyError" not in told
    assert told.endswith("KeyboardInterrupt\n")


def test_an_interrupt_keeps_the_error_that_the_script_was_handling(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from fivestep.listen.script import Outcome

    script = tmp_path / "train.py"
    script.write_text("try:\n    {}['no']\nexcept KeyError:\n    raise KeyboardInterrupt\n")
    with pytest.raises(KeyboardInterrupt) as caught:
        exec(compile(script.read_text(), str(script), "exec"), {})
    Outcome(130, caught.value).show()
    told = capsys.readouterr().err
    assert "KeyError: 'no'" in told
    assert told.endswith("KeyboardInterrupt\n")
