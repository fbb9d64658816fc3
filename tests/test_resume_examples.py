"""The examples that go on, each killed as a user would do it, and compared with one left alone."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).resolve().parents[1] / "examples"
# After how many saves of its own each life is killed.
KILLS = {"resume_digits": (2, 5, 4), "resume_loop": (6,), "resume_lbfgs": (6,), "resume_gan": (6,)}

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="no SIGKILL")


# SIGKILL where the n-th save of this life is about to get its name: what is polled for is missed.
SCRIPT = """
import os, runpy, signal, sys

left = int(sys.argv[2])

def count(event, arguments):
    global left
    if event == "os.rename" and os.path.basename(str(arguments[1])).startswith("checkpoint-"):
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

sys.addaudithook(count)
runpy.run_path(sys.argv[1], run_name="__main__")
"""


def begun(name: str, where: Path, kill: int = 0) -> subprocess.Popen[str]:
    where.mkdir(exist_ok=True)
    command = [sys.executable, "-c", SCRIPT, str(EXAMPLES / f"{name}.py"), str(kill)]
    with (where / "printed").open("w") as out:
        return subprocess.Popen(command, cwd=where, stdout=out, stderr=subprocess.STDOUT, text=True)


def killed(name: str, where: Path, saves: int) -> None:
    """A life that ends at its save of this number."""
    assert begun(name, where, saves).wait() == -9, (where / "printed").read_text()


def finished(name: str, where: Path) -> tuple[str, list[int]]:
    """The SHA-256 that it ends with, and the epochs that it printed on the way."""
    process = begun(name, where)
    assert process.wait() == 0, (where / "printed").read_text()
    text = (where / "printed").read_text()
    (sha256,) = re.findall(r"^SHA-256 of the weights: ([0-9a-f]{64})$", text, re.MULTILINE)
    return sha256, [
        int(number) for number in re.findall(r"^(?:epoch|update) +(\d+)", text, re.MULTILINE)
    ]


@pytest.mark.timeout(900)  # up to five trainings, one after the other
@pytest.mark.parametrize("name", KILLS)
def test_killed_by_hand_it_ends_with_the_same_weights(name: str, tmp_path: Path) -> None:
    if name == "resume_digits":
        pytest.importorskip("sklearn")
    whole, epochs = finished(name, tmp_path / "untouched")
    where = tmp_path / "killed"
    for saved in KILLS[name]:
        killed(name, where, saved)
    again, later = finished(name, where)
    assert again == whole
    if epochs:
        assert later
        assert later == epochs[-len(later) :]
        assert len(later) < len(epochs)  # it went on, and did not begin anew


def test_every_example_that_goes_on_is_killed() -> None:
    assert sorted(KILLS) == sorted(path.stem for path in EXAMPLES.glob("resume_*.py"))
