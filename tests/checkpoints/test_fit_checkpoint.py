"""What fit does around its checkpoints: signals, refusals, full disks, trainings that go on."""

from __future__ import annotations

import errno
import signal
from itertools import count
from pathlib import Path
from typing import Any, cast

import pytest
import torch
from torch import Tensor, nn

from checkpoints.resumed import Made, Outcome, equal, same, stopped, trained
from checkpoints.test_resume import OPTIONS, data, make
from fivestep import Checkpoint, Run, fit
from fivestep.checkpoints.disk import Disk, use


class Signalling(nn.Module):
    """A loss that sends the process a signal at its n-th call, in a validation or not."""

    reduction = "mean"

    def __init__(self, inner: Any, at: int, number: int) -> None:
        super().__init__()
        self.inner, self.at, self.number = inner, at, number
        self.calls = count()  # an int would be saved and go on: each leg counts for itself

    def forward(self, prediction: Any, targets: Any) -> Any:
        if next(self.calls) == self.at:
            signal.raise_signal(self.number)
        return self.inner(prediction, targets)


SIGNALLED = ["plain", "validated often", "accumulate", "patience", "float16", "swa, validated"]


@pytest.mark.parametrize("name", SIGNALLED)
def test_told_to_stop_anywhere_it_ends_as_if_it_had_not_been(name: str, tmp_path: Path) -> None:
    def made(at: int = -1, number: int = signal.SIGINT) -> Made:
        model, loss, optimizer, options = make(**OPTIONS[name] | {"epochs": 2})
        options.pop("saves")  # so that what is saved is what the signal saves
        return model, Signalling(loss, at, number), optimizer, options

    whole = trained(made, tmp_path / "whole")
    at = 0
    for at in range(1, 40, 2):  # the first may be the rehearsal's, before anything has begun
        folder = tmp_path / f"at {at}"
        first = trained(lambda at=at: made(at), folder)
        if first.reason != "interrupted":
            break
        for _ in range(2):  # and once more in every leg
            trained(lambda: made(4), folder)
        equal(trained(made, folder), whole)
    assert at >= 10


def test_sigterm_leaves_with_75_and_max_minutes_too(tmp_path: Path) -> None:
    def made(at: int = -1) -> Made:
        model, loss, optimizer, options = make(validate=data(20))
        options.pop("saves")
        return model, Signalling(loss, at, signal.SIGTERM), optimizer, options

    whole = trained(made, tmp_path / "whole")
    for number, at in enumerate((3, 4, 3)):
        with pytest.raises(SystemExit) as left:
            trained(lambda at=at: made(at), tmp_path / "told")
        assert left.value.code == 75
        run: Run = left.value.run  # pyright: ignore
        assert run.reason == "terminated", number
        assert run.exit_code == 75
    with pytest.raises(SystemExit) as left:
        trained(made, tmp_path / "told", max_minutes=1e-9)
    assert left.value.run.reason == "deadline"  # pyright: ignore
    equal(trained(made, tmp_path / "told"), whole)


def test_more_epochs_go_on_where_it_ended(tmp_path: Path) -> None:
    whole = trained(lambda: make(epochs=4), tmp_path / "whole")
    trained(lambda: make(epochs=1), tmp_path / "more")
    after = trained(lambda: make(epochs=4), tmp_path / "more")
    equal(after, whole)


def test_a_training_that_is_done_is_not_done_again(tmp_path: Path) -> None:
    whole = trained(lambda: make(validate=data(20), patience=1, epochs=9), tmp_path)
    never = not stopped(lambda: make(validate=data(20), patience=1, epochs=9), tmp_path, 0)
    assert never
    equal(trained(lambda: make(validate=data(20), patience=1, epochs=9), tmp_path), whole)


class Forgotten(nn.Module):
    """A state in places that are forgotten: silent and late buffers, extra state."""

    calls: Any
    late: Any

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(5)
        self.linear = nn.Linear(6, 3)
        self.register_buffer("calls", torch.zeros((), dtype=torch.float64), persistent=False)
        self.register_buffer("late", None, persistent=False)
        self.extra: Any = {"seen": 0, "last": [0.0]}

    def get_extra_state(self) -> Any:
        return self.extra

    def set_extra_state(self, state: Any) -> None:
        self.extra = state

    def forward(self, inputs: Tensor) -> Tensor:
        if self.training:
            self.calls += 1
            self.extra = {"seen": self.extra["seen"] + 1, "last": [float(inputs.mean())]}
            before = 0.0 if self.late is None else self.late
            self.late = 0.5 * before + inputs.mean().detach()
        shift = 0.01 * float(self.calls) + 0.001 * self.extra["seen"] + self.extra["last"][0]
        return self.linear(inputs) * (1 + shift + (0.0 if self.late is None else self.late))


class Centred(nn.Module):
    """A loss that learns, and keeps a mean."""

    mean: Any

    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(3))
        self.register_buffer("mean", torch.zeros(3))

    def forward(self, prediction: Tensor, targets: Tensor) -> Tensor:
        if torch.is_grad_enabled():
            self.mean.mul_(0.9).add_(prediction.detach().mean(0), alpha=0.1)
        return nn.functional.cross_entropy(prediction * self.scale - self.mean, targets)


def test_what_is_easily_forgotten_is_not(tmp_path: Path) -> None:
    def made() -> Made:
        model, loss = Forgotten(), Centred()
        optimizer = torch.optim.Adam([*model.parameters(), *loss.parameters()], lr=0.05)
        return model, loss, optimizer, make()[3]

    whole = trained(made, tmp_path / "whole")
    for at in (1, 4, 5, 7):
        assert stopped(made, tmp_path / f"{at}", at)
        equal(trained(made, tmp_path / f"{at}"), whole)


def test_another_model_optimizer_or_data_is_refused_by_name(tmp_path: Path) -> None:
    trained(make, tmp_path)
    model, loss, optimizer, _ = make()
    options: dict[str, Any] = {
        "epochs": 2, "batch_size": 8, "checkpoint": tmp_path, "progress": False, "watch": False,
    }  # fmt: skip
    deeper: Any = nn.Sequential(*cast("nn.Sequential", model), nn.Linear(3, 3))
    adam = torch.optim.Adam(deeper.parameters())
    with pytest.raises(ValueError, match=r"model: .*\n  missing: 5\.weight, 5\.bias"):
        fit(deeper, loss, adam, data(), **options)
    half = make()[0].bfloat16()
    with pytest.raises(ValueError, match=r"of another type: 0\.weight bfloat16|bfloat16"):
        fit(half, loss, torch.optim.Adam(half.parameters()), data(), **options)
    sgd = torch.optim.SGD(model.parameters(), lr=0.1)
    with pytest.raises(ValueError, match="saved Adam, here SGD"):
        fit(model, loss, sgd, data(), **options)
    with pytest.raises(ValueError, match="seed was 0 and is 1"):
        fit(model, loss, optimizer, data(), seed=1, **options)
    with pytest.raises(ValueError, match="samples was 37 and is 30"):
        fit(model, loss, optimizer, data(30), **options)
    with pytest.raises(ValueError, match="accumulate was 1 and is 2"):
        fit(model, loss, optimizer, data(), accumulate=2, **options)
    equal(trained(make, tmp_path), trained(make, tmp_path / "whole"))  # and nothing was harmed


def test_strict_false_loads_what_fits(tmp_path: Path) -> None:
    trained(make, tmp_path)
    weights = make()[0].state_dict()
    model, loss, _, _ = make()
    deeper: Any = nn.Sequential(*cast("nn.Sequential", model), nn.Linear(3, 3))
    last = deeper[5].weight.detach().clone()
    fit(
        deeper, loss, torch.optim.Adam(deeper.parameters()), data(), epochs=2, batch_size=8,
        checkpoint=Checkpoint(tmp_path, strict=False), progress=False, watch=False,
    )  # fmt: skip
    assert torch.equal(deeper[5].weight, last)
    assert not torch.equal(deeper[0].weight, weights["0.weight"])


def test_bad_options_are_told(tmp_path: Path) -> None:
    model, loss, optimizer, _ = make()
    options: dict[str, Any] = {"epochs": 1, "progress": False}
    with pytest.raises(ValueError, match="seed=None.*do: seed=0".replace(".*", r"[\s\S]*")):
        fit(model, loss, optimizer, data(), checkpoint=tmp_path, seed=None, **options)
    with pytest.raises(ValueError, match="max_minutes=5 was given without checkpoint"):
        fit(model, loss, optimizer, data(), max_minutes=5, **options)
    with pytest.raises(ValueError, match="max_minutes=0 was given, and a number of minutes"):
        fit(model, loss, optimizer, data(), max_minutes=0, checkpoint=tmp_path, **options)
    with pytest.raises(TypeError, match="checkpoint=3 is of type int"):
        fit(model, loss, optimizer, data(), checkpoint=3, **options)  # pyright: ignore
    with pytest.raises(ValueError, match="every='soon' was given"):
        Checkpoint(tmp_path, every="soon")
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match="checkpoint: cannot write"):
        fit(model, loss, optimizer, data(), checkpoint=tmp_path / "file", **options)


def test_what_cannot_be_saved_is_told_before_anything_is_trained(tmp_path: Path) -> None:
    model, loss, optimizer, _ = make()
    optimizer.param_groups[0]["odd"] = object()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    with pytest.raises(TypeError, match=r"optimizers//groups/0/odd is of type object.*pickle"):
        fit(model, loss, optimizer, data(), epochs=1, checkpoint=tmp_path, progress=False)
    same(dict(model.state_dict()), before)


def test_a_dry_run_tries_it_and_leaves_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "saved"
    whole = trained(make, tmp_path / "whole")
    assert trained(make, folder, dry_run=True).reason == "finished"
    assert not folder.exists()
    assert [path.name for path in tmp_path.iterdir()] == ["whole"]
    equal(trained(make, folder), whole)


class Full(Disk):
    """A disk that is full from the n-th file on."""

    def __init__(self, files: int) -> None:
        self.files = files

    def create(self, path: Path) -> int:
        self.files -= 1
        if self.files < 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        return super().create(path)


@pytest.mark.parametrize("failure", ["go on", "stop"])
def test_a_full_disk_is_said_and_the_last_save_is_whole(
    failure: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def made() -> Made:
        saves = {"saves": lambda folder: Checkpoint(folder, every=1, failure=failure)}  # pyright: ignore
        return make(**saves)

    whole = trained(made, tmp_path / "whole")
    before = use(Full(7))
    try:
        outcome: Outcome = trained(made, tmp_path / "full", progress=True)
    finally:
        use(before)
    assert (
        "No space left on device\n  what was saved before is as it was" in capsys.readouterr().err
    )
    assert outcome.reason == ("finished" if failure == "go on" else "unsaved")
    if failure == "go on":
        equal(outcome, whole)
    equal(trained(made, tmp_path / "full"), whole)  # from the last that was written


def test_a_first_save_that_fails_is_an_error(tmp_path: Path) -> None:
    before = use(Full(0))
    try:
        with pytest.raises(OSError, match="No space left on device"):
            trained(make, tmp_path)
    finally:
        use(before)
    equal(trained(make, tmp_path), trained(make, tmp_path / "whole"))


def test_a_damaged_newest_checkpoint_is_said_and_the_one_before_it_used(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    whole = trained(make, tmp_path / "whole")
    assert stopped(make, tmp_path / "cut", 6)
    newest = max((tmp_path / "cut").glob("checkpoint-*"))
    newest.write_bytes(newest.read_bytes()[:-100])
    equal(trained(make, tmp_path / "cut", progress=True), whole)
    assert f"checkpoint passed over, the one before it is used: {newest.name}" in (
        capsys.readouterr().err
    )


def test_the_callers_random_numbers_are_left_as_they_were(tmp_path: Path) -> None:
    torch.manual_seed(77)
    expected = torch.rand(3)
    torch.manual_seed(77)
    trained_before = make  # it seeds torch itself
    model, loss, optimizer, options = trained_before()
    torch.manual_seed(77)
    fit(model, loss, optimizer, options["train"], epochs=1, checkpoint=tmp_path, progress=False)
    assert torch.equal(torch.rand(3), expected)


def test_the_loop_of_such_a_run_is_not_written_out(tmp_path: Path) -> None:
    model, loss, optimizer, options = make()
    run = fit(
        model, loss, optimizer, options["train"], epochs=1, checkpoint=tmp_path, progress=False
    )
    with pytest.raises(ValueError, match="a training with checkpoint"):
        run.source()
