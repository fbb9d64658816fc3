"""Every example is run, and what it claims is checked."""

from __future__ import annotations

import importlib.util
import math
import os
import signal
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest
import torch

from fivestep import Run
from fivestep.cli import DEMOS, NEEDS

EXAMPLES = Path(__file__).resolve().parents[1] / "examples"
STEPS = ["forward", "loss", "zero_grad", "backward", "update"]
NAMES = sorted(path.stem for path in EXAMPLES.glob("*.py"))


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)  # a record goes to runs/ of wherever one stands


def load(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"example_{name}", EXAMPLES / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


# Without a network: whoever asks for a connection or a name gets an error.
SCRIPT = """
import runpy, sys

def refuse(event, arguments):
    if event in ("socket.connect", "socket.getaddrinfo"):
        raise PermissionError(f"{event} {arguments}")

sys.addaudithook(refuse)
runpy.run_path(sys.argv[1], run_name="__main__")
"""


def run_as_script(path: Path, where: Path) -> str:
    # ASCII, as on a bare server: a character beyond it would end the script with an error.
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", SCRIPT, str(path)],
        cwd=where,
        env=os.environ | {"PYTHONIOENCODING": "ascii"},
        capture_output=True,
        check=False,
        timeout=200,
    )
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout.decode("ascii")


@pytest.mark.parametrize("name", NAMES)
def test_it_is_short_plain_and_says_what_it_shows(name: str) -> None:
    text = (EXAMPLES / f"{name}.py").read_text(encoding="utf-8")
    assert text.isascii()
    assert 20 <= len(text.splitlines()) <= 60
    module = load(name)  # importing it runs nothing
    assert 2 <= (module.__doc__ or "").count(".") <= 8
    assert callable(module.main)
    assert text.endswith('if __name__ == "__main__":\n    main()\n')


def test_each_is_listed_for_readers_and_for_the_command_line() -> None:
    assert sorted(DEMOS) == NAMES
    readme = (EXAMPLES / "README.md").read_text(encoding="utf-8")
    for name in NAMES:
        assert f"[{name}.py]({name}.py)" in readme
        assert f"`fivestep demo {name}`" in readme


@pytest.mark.parametrize("name", NAMES)
def test_what_it_needs_is_known(name: str) -> None:
    text = (EXAMPLES / f"{name}.py").read_text(encoding="utf-8")
    assert ("sklearn" in text) == (NEEDS.get(name) == "sklearn")


def test_line_ends_near_the_truth(capsys: pytest.CaptureFixture[str]) -> None:
    weight, bias = load("line").main()
    # 100 points with noise 0.1 on [-1, 1] fix the bias to 0.1 / 10 = 0.01 and the weight to 0.017
    # (one standard error each): four of them, and what 100 epochs leave (0.2 % of the start).
    assert abs(weight - 2) < 0.08
    assert abs(bias - 1) < 0.05
    lines = [line for line in capsys.readouterr().out.splitlines() if line.startswith("epoch")]
    assert [int(line.split()[1]) for line in lines] == list(range(10, 101, 10))
    losses = [float(line.split()[3]) for line in lines]
    assert losses == sorted(losses, reverse=True)
    assert 0.005 < losses[-1] < 0.02  # the variance of the noise is 0.01


def test_slow_line_diverges_beyond_the_predicted_limit_alone() -> None:
    module = load("slow_line")
    results = module.main()
    limit = module.rate_limit(torch.linspace(0, 1, 50).unsqueeze(1))
    # With x in [0, 1] the mean of x squared is near 1/3, so the curvatures are those of
    # 2 * [[1/3, 1/2], [1/2, 1]]: the larger one is 2.535.
    assert limit == pytest.approx(2 / 2.535, rel=0.02)
    start = 0.87  # the loss at w = b = 0: the mean of (0.8x + 0.5) squared
    for rate, (_, _, loss) in results.items():
        assert (loss > 2 * start) == (rate > limit), rate
        assert loss > 2 * start or loss < start / 100
    weight, bias, slow = results[0.03]
    assert not (abs(weight - 0.8) < 0.1 and abs(bias - 0.5) < 0.05)  # not there after 200 epochs
    assert results[0.48][2] < 1e-9 < slow
    assert {rate for rate in results if rate > limit} == {0.96, 1.01 * limit}


def test_line_in_numpy_walks_with_pytorch() -> None:
    weight, bias, difference = load("line_in_numpy").main()
    assert abs(weight - 2) < 0.08
    assert abs(bias - 1) < 0.05
    assert difference < 1e-12  # both count in float64; only the order of the sums may differ


def test_minibatches_learn_and_dropout_has_two_modes(capsys: pytest.CaptureFixture[str]) -> None:
    run, in_train, in_eval = load("minibatches").main()
    assert in_train > 0
    assert in_eval == 0
    out = capsys.readouterr().out
    assert "455 samples to train on make 15 batches" in out
    assert "114 samples are held out" in out
    assert run.setup["batches"] == 15
    # Always saying "benign" is right for 63 %. 114 tumours at 98 % leave a standard error of 1.3 %.
    assert run.best["validation_accuracy"] > 0.94


def test_digits_are_read(capsys: pytest.CaptureFixture[str]) -> None:
    run = load("digits").main()
    assert run.best["validation_accuracy"] >= 0.97  # as promised; six seeds gave 0.978 to 0.989
    assert run.setup["validation_samples"] == 359
    out, shown = capsys.readouterr()
    assert shown.count("validation loss") > 10
    assert max(len(line) for line in (out + shown).splitlines()) <= 100
    table = [line.split() for line in out.splitlines()]
    steps = [row for row in table if row and row[0] in STEPS]
    assert [row[0] for row in steps] == STEPS * 2
    told = dict(zip(STEPS, steps[5:], strict=True))
    assert told["loss"][2] == steps[3][2]  # the old gradient is still there
    assert told["zero_grad"][2] == "none"
    assert told["backward"][2] not in ("none", steps[3][2])
    assert told["update"][3] != told["backward"][3]
    assert Path("runs") in run.path.parents
    assert str(run.path) in out
    assert Run.load(run.path).best == run.best


def test_bytes_fall_from_knowing_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    run, untrained, sample = load("bytes").main(updates=40)  # a tenth of what it does by default
    assert 200_000 < run.setup["parameters"] < 900_000
    assert (
        abs(untrained - math.log(256)) < 0.6
    )  # random weights add some confidence, all of it wrong
    # Knowing how often each byte occurs, and nothing more, gives 3.15 on this text: it knows more.
    assert run.best["validation_loss"] < 3
    assert sample.startswith("def ")
    assert len(sample) == 404
    assert all(letter == "\n" or 32 <= ord(letter) < 127 for letter in sample)
    assert sample in capsys.readouterr().out


def test_wrong_loss_depends_on_the_numbering_and_the_right_one_does_not() -> None:
    (right, _), (right_anew, wrong_anew) = load("wrong_loss").main()
    # A standard error of the mean over 5 halves of 75 flowers is about 0.01.
    assert right > 0.93
    assert right_anew > 0.93
    assert abs(right - right_anew) < 0.04
    assert wrong_anew < right_anew - 0.05


def test_ctrl_c_in_one_of_several_fits_ends_them_all(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    module, pressed = load("wrong_loss"), 0

    def press(prediction: torch.Tensor, targets: torch.Tensor) -> float:
        nonlocal pressed
        pressed += 1
        signal.raise_signal(signal.SIGINT)
        return 0.0

    monkeypatch.setattr(module, "accuracy", press)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            module.main()
    finally:
        signal.signal(signal.SIGINT, before)
    assert pressed == 1
    assert "%" not in capsys.readouterr().out


def test_own_loop_clips_and_stops() -> None:
    module = load("own_loop")
    iterations, clipped, error = module.main()
    assert error < 0.02
    assert iterations < 5000
    assert 0 < clipped < iterations
    iterations, clipped, error = module.main(max_norm=math.inf)  # the glitches go through
    assert clipped == 0
    assert not math.isfinite(error)


@pytest.mark.parametrize("name", ["line", "own_loop"])
def test_it_runs_as_a_script_from_elsewhere_in_ascii(name: str, tmp_path: Path) -> None:
    out = run_as_script(EXAMPLES / f"{name}.py", tmp_path)
    assert len(out.splitlines()) > 5
    assert list(tmp_path.iterdir()) == []  # it leaves nothing behind


def test_digits_run_as_a_script_from_elsewhere_in_ascii(tmp_path: Path) -> None:
    out = run_as_script(EXAMPLES / "digits.py", tmp_path)
    assert "Read it back" in out
    assert len(list((tmp_path / "runs").glob("*.jsonl"))) == 2  # the journal and the vitals
