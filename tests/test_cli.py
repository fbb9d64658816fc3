"""The command line: quick to answer, clear when something is wrong, quiet when it is stopped."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from fivestep import __version__, cli

PYTHON = [sys.executable, "-W", "error"]
FIVESTEP = [*PYTHON, "-m", "fivestep"]


def run(*command: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, cwd=cwd, capture_output=True, text=True, check=False, timeout=120
    )


def test_help_has_examples_and_does_not_load_torch(tmp_path: Path) -> None:
    code = (
        "import sys\n"
        "from fivestep.cli import main\n"
        "try:\n"
        "    main(sys.argv[1:])\n"
        "finally:\n"
        "    print(sorted({'torch', 'numpy', 'rich'} & set(sys.modules)), file=sys.stderr)\n"
    )
    for arguments in (["--help"], ["--version"], [], ["demo", "--help"], ["demo", "--list"]):
        done = run(*PYTHON, "-c", code, *arguments, cwd=tmp_path)
        assert done.returncode == 0, arguments
        assert done.stderr == "[]\n", arguments
    done = run(*FIVESTEP, "--help", cwd=tmp_path)
    for line in ("fivestep demo  ", "fivestep demo line", "fivestep demo --list", "--version"):
        assert line in done.stdout


def test_version(tmp_path: Path) -> None:
    done = run(*FIVESTEP, "--version", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (0, f"fivestep {__version__}\n")


def test_nothing_given_helps(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main([]) == 0
    assert "examples:" in capsys.readouterr().out


def test_list_names_every_demo_with_what_it_shows(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["demo", "--list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    told = [line.split(maxsplit=1) for line in lines]
    both = [list(cli.DEMOS.items()), list(cli.BROKEN.items())]
    sound, faulty = told[: len(cli.DEMOS)], told[-len(cli.BROKEN) :]
    assert [[tuple(row) for row in rows] for rows in (sound, faulty)] == both
    assert lines[len(cli.DEMOS) : -len(cli.BROKEN)] == ["", "with a fault, which the doctor names:"]


@pytest.mark.parametrize("name", [*cli.DEMOS, ""])
def test_source_is_the_file(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["demo", *([name] if name else []), "--source"]) == 0
    path = cli.examples_folder() / f"{name or 'digits'}.py"
    assert capsys.readouterr().out == path.read_text(encoding="utf-8")


def test_source_needs_no_scikit_learn(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cli, "find_spec", absent)
    assert cli.main(["demo", "digits", "--source"]) == 0
    assert "load_digits" in capsys.readouterr().out


def test_a_demo_runs_from_anywhere(tmp_path: Path) -> None:
    done = run(*FIVESTEP, "demo", "line", cwd=tmp_path)
    assert done.returncode == 0
    assert done.stderr == ""
    assert "epoch 100" in done.stdout


@pytest.mark.parametrize("name", ["nope", "digit", "Line", "line.py", "../line"])
def test_an_unknown_demo_is_answered_with_the_known(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        cli.main(["demo", name])
    assert caught.value.code == 2
    said = capsys.readouterr().err
    assert f"'{name}'" in said
    assert all(known in said for known in [*cli.DEMOS, *cli.BROKEN])


@pytest.mark.parametrize(
    ("given", "verb", "named"),
    [
        (["step", "--bogus", "train.py"], "step", "--bogus"),
        (["run", "--bogus", "train.py"], "run", "--bogus"),
        (["export", "a.jsonl"], "export", "--output"),
        (["watch"], "watch", "RUN"),
        (["explain", "FS301", "FS302"], "explain", "FS302"),
        (["learn", "one"], "learn", "'one'"),
        (["nonsense"], "", "'nonsense'"),
        (["--bogus"], "", "--bogus"),
    ],
)
def test_a_wrong_usage_is_told_by_the_command_itself(
    given: list[str], verb: str, named: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        cli.main(given)
    assert caught.value.code == 2
    said = capsys.readouterr().err
    command = f"fivestep {verb}".strip()
    assert said.startswith(f"usage: {command} [-h]")
    assert named in said
    assert said.endswith(f"\n  do: {command} --help shows what it takes\n")
    assert ("after its name" in said) is (verb in ("step", "run"))


def test_what_stands_after_a_script_is_the_scripts_own() -> None:
    given = cli._parser().parse_args(["run", "--check", "train.py", "--bogus", "-h"])  # pyright: ignore[reportPrivateUsage]
    assert given.arguments == ["--bogus", "-h"]


@pytest.mark.parametrize("name", sorted(cli.NEEDS))
def test_without_scikit_learn_it_says_what_to_install(
    name: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cli, "find_spec", absent)
    assert cli.main(["demo", name]) == 2
    out, said = capsys.readouterr()
    assert out == ""
    assert f"the demo '{name}' needs scikit-learn" in said
    assert "do: pip install 'fivestep[demo]'" in said


def absent(name: str) -> Any:
    return None if name == "sklearn" else find_spec(name)


# A shell may have switched Ctrl-C off for what it runs in the background; a person's has not.
WITH_CTRL_C = """
import signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)
from fivestep.cli import main
sys.exit(main(sys.argv[1:]))
"""
ENDLESS = "import time\nprint('ready', flush=True)\ntime.sleep(100)\n"


def interrupt(
    arguments: list[str], cwd: Path, *, when: str, stream: str, prelude: str = ""
) -> tuple[int, str, str]:
    """Send Ctrl-C as soon as a line with ``when`` appears on the stream; return how it ended."""
    process = subprocess.Popen(
        [*PYTHON, "-c", prelude + WITH_CTRL_C, *arguments],
        cwd=cwd,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    read = ""
    with process:
        watched = getattr(process, stream)
        while when not in read:
            line = watched.readline()
            assert line, f"it ended early: {read}{process.communicate()}"
            read += line
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    if stream == "stdout":
        return process.returncode, read + out, err
    return process.returncode, out, read + err


def test_ctrl_c_during_fit_ends_the_training_and_tells(tmp_path: Path) -> None:
    code, out, err = interrupt(["demo", "digits"], tmp_path, when="epoch  1/30", stream="stderr")
    assert code == 0  # fit returned its run, and the demo told about it
    assert "Traceback" not in out + err
    assert "interrupted after" in err
    assert "Ctrl-C after iteration" in err
    assert "Read it back" in out
    assert len(list((tmp_path / "runs").glob("*.jsonl"))) == 2  # the journal and the vitals


def test_ctrl_c_elsewhere_ends_the_command_with_a_word(tmp_path: Path) -> None:
    (tmp_path / "line.py").write_text(ENDLESS)
    prelude = (
        "import pathlib, fivestep.cli\n"
        f"fivestep.cli.examples_folder = lambda: pathlib.Path({str(tmp_path)!r})\n"
    )
    code, _, err = interrupt(
        ["demo", "line"], tmp_path, when="ready", stream="stdout", prelude=prelude
    )
    assert code == 130
    assert err.strip() == "stopped by Ctrl-C"


@pytest.mark.parametrize("arguments", [["--help"], ["demo", "--source"], ["demo", "line"]])
def test_a_reader_that_leaves_is_no_error(arguments: list[str], tmp_path: Path) -> None:
    process = subprocess.Popen(
        [*FIVESTEP, *arguments],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"},
    )
    assert process.stdout is not None
    process.stdout.close()  # as `| head -0` does, before the first line is written
    assert process.stderr is not None
    said = process.stderr.read()
    process.stderr.close()
    assert process.wait(60) == 1
    assert said == ""
