"""``fivestep step`` from the outside: the command, its server, its script, and how each ends."""

from __future__ import annotations

import http.client
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from processes import children

from fivestep.page.protocol import Message

SCRIPTS = Path(__file__).parent / "scripts"
BY_HAND = str(SCRIPTS / "by_hand.py")
ENDLESS = str(10**9)


class Command:
    """The command, and a window that it serves."""

    def __init__(self, *arguments: str, cwd: Path, verb: str = "step") -> None:
        command = [sys.executable, "-m", "fivestep", verb, "--no-browser", *arguments]
        self.process = subprocess.Popen(
            command, cwd=cwd, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path), "OMP_NUM_THREADS": "1"},
        )  # fmt: skip
        assert self.process.stderr
        line = self.process.stderr.readline()
        found = re.search(r"http://127\.0\.0\.1:(\d+)(/\?key=\S+)", line)
        assert found, line + self.process.stderr.read()
        self.port = int(found[1])
        self.cookie = self.call("GET", found[2])[1]
        self.last = 0
        self.seen: list[Message] = []

    def call(self, method: str, path: str, body: str | None = None) -> tuple[int, str]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        headers = {"Origin": f"http://127.0.0.1:{self.port}", "Content-Type": "application/json"}
        if method == "POST":
            headers["Cookie"] = self.cookie
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        answer.read()
        connection.close()
        return answer.status, (answer.getheader("set-cookie") or "").partition(";")[0]

    def line(self) -> str:
        """The next line on standard error."""
        assert self.process.stderr
        return self.process.stderr.readline()

    def play(self) -> None:
        """As fast as it can."""
        self.ask("speed", value=None)
        self.ask("play")

    def ask(self, verb: str, **more: Any) -> None:
        asked = {"id": f"{verb}-{len(self.seen)}", "verb": verb} | more
        assert self.call("POST", "/request", json.dumps(asked))[0] == 202

    def until(self, kind: str, **fields: Any) -> Message:
        """Read on to a message."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        connection.request("GET", f"/events?after={self.last}", headers={"Cookie": self.cookie})
        answer = connection.getresponse()
        try:
            deadline = time.monotonic() + 60
            while (line := answer.readline()) and time.monotonic() < deadline:
                if line.startswith(b"data: "):
                    told = json.loads(line[6:])
                    self.last = told["seq"]
                    self.seen.append(told)
                    if told["kind"] == kind and fields.items() <= told.items():
                        return told
            raise AssertionError(f"the stream ended before {kind} {fields}: {self.seen[-3:]}")
        finally:
            answer.close()
            connection.close()

    def end(self) -> tuple[int, str, str]:
        """Ctrl-C, then the exit code and what was printed."""
        self.process.send_signal(signal.SIGINT)
        out, err = self.process.communicate(timeout=60)
        return self.process.returncode, out, err


@contextmanager
def command(*arguments: str, cwd: Path, verb: str = "step") -> Generator[Command]:
    made = Command(*arguments, cwd=cwd, verb=verb)
    try:
        yield made
    finally:
        made.process.kill()
        made.process.communicate()


def plain(*arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, BY_HAND, *arguments], capture_output=True, text=True, check=False
    )
    return next(line for line in done.stdout.splitlines() if line.startswith("weights"))


def test_it_waits_before_the_first_iteration_and_plays_to_the_scripts_own_end(
    tmp_path: Path,
) -> None:
    record = tmp_path / "run.jsonl"
    with command("--record", str(record), BY_HAND, "30", "7", cwd=tmp_path) as made:
        hello = made.until("hello")
        assert (hello["script"], hello["arguments"]) == ("by_hand.py", ["30", "7"])
        assert hello["sources"][0]["text"] == Path(BY_HAND).read_text(encoding="utf-8")
        first = made.until("state", paused=True)
        assert (first["iteration"], first["step"]) == (0, None)
        for step in ("forward", "loss", "zero_grad", "backward", "update"):
            made.ask("step")
            assert made.until("moment")["step"] == step
        made.ask("iteration")
        made.until("iteration", iteration=2)
        made.play()
        end = made.until("end")
        assert (end["reason"], end["exit_code"]) == ("failed", 7)
        words = "fivestep: by_hand.py has ended with code 7; the page stays until Ctrl-C\n"
        assert made.line() == words
        assert made.process.poll() is None, "the page stays while somebody may look"
        made.ask("play")
        assert "reset" in made.until("ack", id=f"play-{len(made.seen)}")["refused"]
        code, out, err = made.end()
    assert code == 7
    assert plain("30", "7") in out
    assert err == ""
    lines = [json.loads(line) for line in record.read_text(encoding="utf-8").splitlines()]
    assert [one["seq"] for one in lines] == list(range(1, len(lines) + 1))
    assert lines == made.seen
    assert [one for one in lines if one["kind"] == "iteration"][-1]["iteration"] == 30


def test_reset_runs_it_again_from_the_same_seed(tmp_path: Path) -> None:
    with command(BY_HAND, "5", "0", cwd=tmp_path) as made:
        made.until("state", paused=True)
        made.ask("knob", name="lr", value=0.9)
        made.ask("iteration")
        made.until("iteration")
        made.ask("reset")
        assert made.until("end")["reason"] == "reset"
        assert made.until("hello")["run"] == "run-2"
        made.until("state", paused=True, iteration=0)
        assert made.seen[-1]["knobs"]["lr"] == 0.05, "the knobs stand as the script has them"
        ended = "fivestep: by_hand.py has ended; the page stays until Ctrl-C\n"
        made.play()
        made.until("end", reason="finished")
        assert made.line() == ended
        made.ask("reset")
        made.until("hello", run="run-3")
        made.play()
        made.until("end", reason="finished")
        assert made.line() == ended
        assert [one["seq"] for one in made.seen] == list(range(1, made.last + 1))
        code, out, err = made.end()
    assert code == 0
    assert err == ""
    chances = {line for line in out.splitlines() if line.startswith("chance")}
    weights = [line for line in out.splitlines() if line.startswith("weights")]
    assert len(chances) == 1, "what the script does not seed is the same again"
    assert weights == [plain("5", "0")] * 2


def test_a_new_seed_changes_what_the_script_seeds_itself_and_says_so(tmp_path: Path) -> None:
    with command(BY_HAND, "5", "0", cwd=tmp_path) as made:
        made.until("state", paused=True)
        for seed in (7, 7, 8):
            made.ask("reset", value=seed)
            assert made.until("ack")["applied"] == {"verb": "reset", "value": seed}
            note = made.until("note")["text"]
            assert note.startswith("new seed: torch.manual_seed(5) of the script is run as")
            assert note.endswith(f"torch.manual_seed({5 + seed})")
            made.play()
            made.until("end", reason="finished")
        made.ask("reset")
        made.until("note")  # the seed stays the new one
        for wrong in (-1, 2**32, 1.5, True, "7", {"seed": 7}):
            body = json.dumps({"id": "x", "verb": "reset", "value": wrong})
            assert made.call("POST", "/request", body)[0] == 400, wrong
        _, out, _ = made.end()
    first, again, other = [one for one in out.splitlines() if one.startswith("weights")]
    assert first == again
    assert other not in (first, plain("5", "0"))


def test_it_plays_at_a_speed_that_somebody_can_follow(tmp_path: Path) -> None:
    with command(BY_HAND, "5", "0", cwd=tmp_path) as made:
        assert made.until("state", paused=True)["speed"] == 5.0
    with command("--speed", "0", BY_HAND, "40", "0", cwd=tmp_path) as made:
        assert made.until("state", paused=True)["speed"] is None
        made.ask("play")
        made.until("end", reason="finished")


def test_a_module_of_a_package(tmp_path: Path) -> None:
    package = tmp_path / "parts"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "sizes.py").write_text("ITERATIONS = 3\n")
    text = Path(BY_HAND).read_text(encoding="utf-8")
    text = text.replace("import random", "import random\nfrom . import sizes", 1)
    (package / "training.py").write_text(text.replace("int(sys.argv[1])", "sizes.ITERATIONS"))
    with command("--speed", "0", "-m", "parts.training", "x", "0", cwd=tmp_path) as made:
        hello = made.until("hello")
        assert hello["script"] == "-m parts.training"
        assert hello["sources"][0]["file"] == "parts/training.py"
        made.until("state", paused=True)
        made.ask("step")
        assert made.until("moment")["site"]["file"] == "parts/training.py"
        made.ask("reset")
        made.until("hello", run="run-2")
        made.ask("play")
        made.until("end", reason="finished")
        code, out, err = made.end()
    assert code == 0, err
    assert plain("3", "0") in out


def test_a_module_that_is_not_there_says_what_python_says(tmp_path: Path) -> None:
    with command("-m", "no.such.module", cwd=tmp_path) as made:
        end = made.until("end")
        assert "No module named 'no'" in end["message"]
        assert made.end()[0] == 1


@pytest.mark.skipif(os.name == "nt", reason="there are no such signals")
def test_ctrl_c_is_told_by_its_name(tmp_path: Path) -> None:
    record = tmp_path / "run.jsonl"
    with command("--record", str(record), BY_HAND, ENDLESS, "0", cwd=tmp_path) as made:
        made.until("state", paused=True)
        made.end()
    last = json.loads(record.read_text(encoding="utf-8").splitlines()[-1])
    assert (last["reason"], last["message"]) == ("interrupted", "KeyboardInterrupt")


@pytest.mark.skipif(os.name == "nt", reason="there are no such signals")
@pytest.mark.parametrize("playing", [False, True], ids=["paused", "playing"])
def test_ctrl_c_ends_script_and_server(tmp_path: Path, playing: bool) -> None:
    with command(BY_HAND, ENDLESS, "0", cwd=tmp_path) as made:
        made.until("state", paused=True)
        if playing:
            made.play()
            made.until("iteration", iteration=20)
        code, out, err = made.end()
    assert code == 130
    assert "weights" not in out
    assert err.count("KeyboardInterrupt") <= 1
    assert "fivestep/page" not in err, "a traceback of the script, without our frames"


@pytest.mark.skipif(os.name == "nt", reason="there are no such signals")
def test_a_terminal_sends_ctrl_c_to_both_and_the_script_has_it_once(tmp_path: Path) -> None:
    script = tmp_path / "patient.py"
    script.write_text(
        "import sys, time\n"
        "try:\n    print('ready', flush=True)\n    time.sleep(60)\nexcept KeyboardInterrupt:\n"
        "    time.sleep(2)\n    print('saved', flush=True)\n    sys.exit(3)\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-m", "fivestep", "step", "--no-browser", str(script)], text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=tmp_path, start_new_session=True,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
    )  # fmt: skip
    assert process.stdout
    assert process.stdout.readline() == "ready\n"
    os.killpg(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert out == "saved\n", err
    assert process.returncode == 130


def test_the_death_of_the_server_does_not_end_the_training(tmp_path: Path) -> None:
    with command(BY_HAND, "300", "0", cwd=tmp_path) as made:
        made.until("state", paused=True)
        made.process.kill()  # without a word to the script
        out, _ = made.process.communicate(timeout=60)
    assert plain("300", "0") in out


@pytest.mark.skipif(os.name == "nt", reason="there are no such signals")
def test_the_death_of_the_script_is_told(tmp_path: Path) -> None:
    script = tmp_path / "dies.py"
    script.write_text(
        Path(BY_HAND).read_text(encoding="utf-8").replace(
            "        loss.backward()", "        import os; os.kill(os.getpid(), 9)"
        )
    )  # fmt: skip
    with command(str(script), "3", "0", cwd=tmp_path) as made:
        made.until("state", paused=True)
        made.play()
        end = made.until("end")
        assert (end["reason"], end["exit_code"]) == ("failed", 137)
        assert "signal 9" in end["message"]
        assert made.end()[0] == 137


def test_an_exception_of_the_script_is_shown_without_our_frames(tmp_path: Path) -> None:
    script = tmp_path / "raises.py"
    text = Path(BY_HAND).read_text(encoding="utf-8")
    script.write_text(text.replace("        loss.backward()", "        loss.backwards()"))
    with command(str(script), "3", "0", cwd=tmp_path) as made:
        made.until("state", paused=True)
        made.play()
        end = made.until("end")
        code, _, err = made.end()
    assert (end["reason"], end["exit_code"], code) == ("failed", 1, 1)
    assert end["message"].startswith("AttributeError")
    assert "AttributeError" in err
    assert "fivestep" not in err.replace("fivestep: open", "")


def test_a_script_without_a_loop_ends_as_it_would_have_ended(tmp_path: Path) -> None:
    script = tmp_path / "nothing.py"
    script.write_text("import sys\nprint('hello')\nsys.exit(4)\n")
    done = subprocess.run(
        [sys.executable, "-m", "fivestep", "step", "--no-browser", str(script)],
        capture_output=True, text=True, check=False, timeout=100,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (4, "hello\n")


def test_a_record_is_served_again(tmp_path: Path) -> None:
    record = Path(__file__).parent / "golden" / "line.jsonl"
    with command("--replay", str(record), cwd=tmp_path) as made:
        assert made.until("hello")["mode"] == "replay"
        made.until("end")
        lines = record.read_text(encoding="utf-8").splitlines()
        assert made.seen[1:] == [json.loads(line) for line in lines[1:]]
        assert made.call("POST", "/request", '{"id": "a", "verb": "play"}')[0] == 409
        assert made.end()[0] == 130


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "one script was expected"),
        (["missing.py"], "missing.py is no file"),
        (["--replay", "x.jsonl", "missing.py"], "one script was expected"),
        (["--replay", "missing.jsonl"], "missing.jsonl"),
        (["--host", "0.0.0.0", BY_HAND], "--public"),
        (["--record", __file__, BY_HAND], "never writes over another"),
        (["--port", "99999", BY_HAND], "65535"),
    ],
)
def test_mistakes_are_told_in_words(arguments: list[str], words: str, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "fivestep", "step", "--no-browser", *arguments],
        capture_output=True, text=True, check=False, cwd=tmp_path, timeout=100,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
    )  # fmt: skip
    assert done.returncode == 2
    assert words in done.stderr
    assert "Traceback" not in done.stderr


def test_what_is_missing_is_named(monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    from fivestep import cli_page
    from fivestep.cli import main

    monkeypatch.setattr(cli_page, "NEEDS", ("starlette", "no_such_package"))
    assert main(["step", BY_HAND]) == 2
    assert "pip install 'fivestep[page]'" in capsys.readouterr().err


def test_the_loop_is_not_slower_to_end_than_to_say_so(tmp_path: Path) -> None:
    """Last words arrive, however many there are: the script ends at full speed."""
    with command(BY_HAND, "3000", "0", cwd=tmp_path) as made:
        made.until("state", paused=True)
        made.play()
        made.until("end", reason="finished")
        told = [one["iteration"] for one in made.seen if one["kind"] == "iteration"]
        assert told[-1] == 3000
        assert told == sorted(set(told))
        assert made.end()[0] == 0


def files(err: str) -> set[str]:
    return set(re.findall(r'File "([^"]+)"', err))


@pytest.mark.skipif(os.name == "nt", reason="there are no such signals")
@pytest.mark.parametrize("after", [0, 1, 4, 5], ids=["script", "forward", "backward", "update"])
def test_a_traceback_of_ctrl_c_has_the_scripts_own_lines_alone(tmp_path: Path, after: int) -> None:
    with command(BY_HAND, ENDLESS, "0", cwd=tmp_path) as made:
        made.until("state", paused=True)
        for _ in range(after):
            made.ask("step")
            made.until("moment")
        code, _, err = made.end()
    assert code == 130
    assert files(err) == {BY_HAND}, err
    assert err.splitlines()[-1] == "KeyboardInterrupt"


def test_an_error_keeps_the_frames_of_torch(tmp_path: Path) -> None:
    script = tmp_path / "wrong.py"
    script.write_text("import torch\ntorch.nn.Linear(2, 1)(torch.zeros(3, 3))\n")
    with command(str(script), cwd=tmp_path) as made:
        made.until("state", paused=True)
        made.play()
        made.until("end")
        code, _, err = made.end()
    assert code == 1
    assert any("torch" in one for one in files(err)), err
    assert "RuntimeError" in err
    assert "fivestep/" not in err.partition("Traceback")[2]


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="no /proc here")
@pytest.mark.parametrize("verb", ["step", "learn"])
@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
def test_how_the_command_is_ended_leaves_nothing(
    tmp_path: Path, verb: str, sent: signal.Signals
) -> None:
    given = [BY_HAND, ENDLESS, "0"] if verb == "step" else ["1"]
    with command(*given, cwd=tmp_path, verb=verb) as made:
        made.until("state", paused=True)
        begun = children(made.process.pid)
        assert begun
        made.process.send_signal(sent)
        _, err = made.process.communicate(timeout=60)
    assert made.process.returncode == 128 + sent
    assert not [one for one in begun if Path(f"/proc/{one}/stat").exists()]
    assert "has ended" not in err
    quiet = verb == "learn" or sent == signal.SIGTERM
    assert ("Traceback" in err) is not quiet, err


@pytest.mark.skipif(os.name == "nt", reason="there are no such signals")
@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
def test_a_record_has_an_end_however_the_command_is_ended(
    tmp_path: Path, sent: signal.Signals
) -> None:
    record = tmp_path / "run.jsonl"
    with command("--record", str(record), BY_HAND, ENDLESS, "0", cwd=tmp_path) as made:
        made.until("state", paused=True)
        made.process.send_signal(sent)
        made.process.communicate(timeout=60)
    kinds = [json.loads(line) for line in record.read_text().splitlines()]
    assert [one["kind"] for one in kinds].count("end") == 1
    assert kinds[-1]["kind"] == "end"
    assert kinds[-1]["reason"] == "interrupted"
