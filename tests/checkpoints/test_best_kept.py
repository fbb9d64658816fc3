"""The best checkpoint stays besides the last ones, whole, until a better one is proven."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from checkpoints.resumed import Made, equal, same, stopped, trained
from checkpoints.test_resume import data, make
from fivestep import Back, Checkpoint, accuracy, weights
from fivestep.checkpoints import interval
from fivestep.checkpoints.disk import Disk
from fivestep.checkpoints.marks import holds
from fivestep.checkpoints.store import Store
from fivestep.durations import Duration, Lengths

BATCHES = 4  # of an epoch
PLACE: Any = {"iteration": 1, "update": 1, "epoch": 1}


class Told(nn.Module):
    """Cross entropy; in validation, the value that the epoch is to have."""

    reduction = "mean"
    seen: torch.Tensor

    def __init__(self, values: list[float], bad: int = 0) -> None:
        super().__init__()
        self.values, self.bad = values, bad
        self.counts = count(1)  # an int would go back with the training
        self.register_buffer("seen", torch.zeros((), dtype=torch.int64))

    def forward(self, prediction: Any, targets: Any) -> Any:
        if torch.is_grad_enabled():
            self.seen += 1
            loss = nn.functional.cross_entropy(prediction, targets)
            return loss * float("nan") if next(self.counts) == self.bad else loss
        return torch.tensor(self.values[max(0, int(self.seen) // BATCHES - 1)])


def told(values: list[float], *, bad: int = 0, **options: Any) -> Callable[[], Made]:
    """Make a training whose validations, one an epoch, give these values."""
    saving = {"every": "1 update", "keep": 1} | options.pop("saving", {})

    def made() -> Made:
        usual: dict[str, Any] = {
            "train": data(24), "batch_size": 6, "validate": data(6), "epochs": len(values),
            "saves": lambda folder: Checkpoint(folder, **saving),  # pyright: ignore
        }  # fmt: skip
        model, _, optimizer, usual = make(**usual | options)
        return model, Told(values, bad), optimizer, usual

    return made


def manifests(folder: Path) -> list[dict[str, Any]]:
    """Read the manifests, the oldest first."""
    return [json.loads(path.read_text()) for path in sorted(folder.glob("checkpoint-*.json"))]


def iterations(folder: Path) -> list[int]:
    return [one["state"]["course"]["iteration"] for one in manifests(folder)]


def best_of(folder: Path) -> tuple[Any, Any]:
    marked = [one["best"] for one in manifests(folder) if "best" in one]
    assert len(marked) == 1
    return marked[0]["value"], marked[0]["epoch"]


@pytest.mark.parametrize("keep", [1, 2])
def test_the_best_stays_beside_the_last_ones(keep: int, tmp_path: Path) -> None:
    left = trained(told([5.0, 2.0, 3.0, 4.0], saving={"keep": keep}), tmp_path)
    assert left.best is not None
    assert left.best["epoch"] == 2
    found = manifests(tmp_path)
    assert found[0]["best"] == {
        "monitor": "validation_loss", "value": 2.0, "epoch": 2, "iteration": 8, "update": 8,
        "returns": 0,
    }  # fmt: skip
    assert iterations(tmp_path) == [8, *[16] * keep]
    assert all("best" not in one for one in found[1:])
    assert len(list(tmp_path.iterdir())) == 2 * (keep + 1) + 1  # a fragment each, and the lock


def test_it_is_not_kept_twice_nor_where_it_is_not_wanted_nor_where_nothing_is_watched(
    tmp_path: Path,
) -> None:
    trained(told([3.0, 2.0]), tmp_path / "last")
    assert len(manifests(tmp_path / "last")) == 1
    trained(told([2.0, 3.0], saving={"keep_best": False}), tmp_path / "without")
    trained(told([2.0, 3.0], validate=None), tmp_path / "nothing watched")
    for name in ("without", "nothing watched"):
        assert iterations(tmp_path / name) == [8]
        assert "best" not in manifests(tmp_path / name)[0]


@pytest.mark.parametrize(
    ("values", "options", "best"),
    [
        ([3.0, 2.0, 2.0, 2.0, 3.0], {}, (2.0, 2)),  # the first of equals
        ([3.0, 2.0, 1.9, 1.0, 3.0], {"min_delta": 0.5}, (1.0, 4)),
        ([3.0, 2.0, 1.9, 1.8, 3.0], {"min_delta": 0.5}, (2.0, 2)),
        ([1.0, 3.0, 2.0, 2.0], {"mode": "max", "monitor": "validation_loss"}, (3.0, 2)),
        ([3.0, 1.0, 2.0, 2.0, 0.0], {"patience": 2}, (1.0, 2)),
        ([float("nan"), 4.0, float("nan"), 5.0], {}, (4.0, 2)),
        ([float("inf"), float("nan"), float("inf")], {}, ("inf", 1)),
    ],
)
def test_it_is_the_best_of_the_run(
    values: list[float], options: dict[str, Any], best: tuple[Any, int], tmp_path: Path
) -> None:
    left = trained(told(values, **options), tmp_path)
    assert left.best is not None
    assert best_of(tmp_path) == best
    assert left.best["epoch"] == best[1]
    assert len(manifests(tmp_path)) == 2


def test_a_best_found_within_an_epoch_and_averaged_weights(tmp_path: Path) -> None:
    options: dict[str, Any] = {"validate_every": "2 updates", "average": 0.5, "accumulate": 1}
    left = trained(told([1.0, 2.0], **options), tmp_path)
    assert left.best is not None
    assert left.best["iteration"] == 2
    assert iterations(tmp_path) == [2, 8]


def test_a_new_best_makes_a_save_due(tmp_path: Path) -> None:
    for every in ("1000 updates", "10 hours"):
        folder = tmp_path / every
        assert stopped(told([5.0, 4.0, 3.0, 9.0], saving={"every": every}), folder, 14)
        assert best_of(folder) == (3.0, 3)
        assert iterations(folder) == [12]  # which is the last one, too


def test_without_an_interval_bests_take_no_more_time_than_other_saves(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = 0.0
    monkeypatch.setattr(interval.time, "perf_counter", lambda: now)
    due, saves = interval.Due(None, Lengths()), [0, 0]
    for second in range(100_000):
        now = float(second)
        late, best = due.now(**PLACE), second > 1000
        if late or (best and due.early):
            saves[best] += 1
            due.saved(0.1)  # the next one 20 seconds later
    assert saves[0] == pytest.approx(1000 / 20, abs=1)
    assert saves[1] == pytest.approx(99_000 / 20, abs=2)


def test_where_an_interval_is_asked_for_the_next_one_is_counted_from_the_best(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = 0.0
    monkeypatch.setattr(interval.time, "perf_counter", lambda: now)
    due = interval.Due(60.0, Lengths())
    now = 59.0
    assert due.early
    assert not due.now(**PLACE)
    due.saved(1.0)
    now = 118.0
    assert not due.now(**PLACE)
    now = 119.0
    assert due.now(**PLACE)
    assert interval.Due(Duration(3, "update"), Lengths()).early


@pytest.mark.parametrize("keep", [1, 2])
def test_killed_anywhere_it_goes_on_and_keeps_the_best(keep: int, tmp_path: Path) -> None:
    made = told([4.0, 2.0, 3.0, 3.0], saving={"keep": keep})
    whole = trained(made, tmp_path / "whole")
    kept = manifests(tmp_path / "whole")[0]
    for at in range(1, 16, 2):
        folder = tmp_path / f"at {at}"
        assert stopped(made, folder, at)
        if at > 8:
            assert best_of(folder) == (2.0, 2)
        assert len(manifests(folder)) <= keep + 1
        equal(trained(made, folder), whole)
        found = manifests(folder)[0]
        assert found["best"] == kept["best"]
        # Where it was killed does not show in the state; only seconds and fragments' names differ.
        same(plain(found["state"]["objects"]), plain(kept["state"]["objects"]))


def plain(value: Any) -> Any:
    return json.loads(json.dumps(value))


@pytest.mark.parametrize("every", [None, "4 updates"])  # found before the epoch has ended
def test_resumed_from_the_best_it_is_not_saved_again(every: str | None, tmp_path: Path) -> None:
    made = told([4.0, 2.0, 3.0], saving={"every": "1000 updates"}, validate_every=every)
    assert stopped(made, tmp_path, 9)
    before = sorted(path.name for path in tmp_path.iterdir())
    assert best_of(tmp_path) == (2.0, 2)
    assert stopped(made, tmp_path, 1)
    assert sorted(path.name for path in tmp_path.iterdir()) == before


def test_it_is_a_whole_training_to_go_on_from(tmp_path: Path) -> None:
    made = told([4.0, 2.0, 3.0, 3.0], saving={"keep": 2})
    whole = trained(made, tmp_path / "first")
    again = tmp_path / "again"
    shutil.copytree(tmp_path / "first", again)
    named = sorted(again.glob("checkpoint-*"))
    assert "best" in json.loads(named[0].read_text())
    for newer in named[1:]:
        newer.unlink()
    equal(trained(made, again), whole)


# Damaged, and cut off.


def damaged(folder: Path, *, fragment: bool) -> str:
    oldest = min(folder.glob("checkpoint-*"))
    name = next(iter(json.loads(oldest.read_text())["fragments"].values()))
    path = folder / name if fragment else oldest
    path.write_bytes(path.read_bytes()[:-1] + b"?")
    return path.name


@pytest.mark.parametrize("fragment", [True, False])
def test_a_damaged_best_is_named_and_the_rest_goes_on(
    fragment: bool, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made = told([4.0, 2.0, 3.0, 3.0], saving={"every": "2 updates"})
    whole = trained(made, tmp_path / "whole")
    folder = tmp_path / "damaged"
    assert stopped(made, folder, 13)
    name = damaged(folder, fragment=fragment)
    capsys.readouterr()
    equal(trained(made, folder, progress=True), whole)
    told_of = capsys.readouterr()
    assert "an older checkpoint is damaged" in told_of.err + told_of.out
    assert f"{name} was cut short or altered" in (told_of.err + told_of.out).replace("\n", " ")
    assert len(manifests(folder)) == 1  # it went; the weights of the best are in this one
    same(weights(folder), whole.best_weights)


def test_a_damaged_best_is_replaced_by_the_next_best(tmp_path: Path) -> None:
    made = told([4.0, 2.0, 3.0, 1.0, 3.0])
    assert stopped(made, tmp_path, 13)
    damaged(tmp_path, fragment=True)
    trained(made, tmp_path)
    assert best_of(tmp_path) == (1.0, 4)
    assert Store(tmp_path).best(found(tmp_path))[1] == []


def found(folder: Path) -> Any:
    newest = Store(folder).newest()
    assert newest is not None
    return newest


def test_the_last_ones_damaged_it_goes_on_from_the_best(tmp_path: Path) -> None:
    made = told([4.0, 2.0, 3.0, 3.0])
    whole = trained(made, tmp_path / "whole")
    folder = tmp_path / "saved"
    assert stopped(made, folder, 14)
    newest = max(folder.glob("checkpoint-*"))
    newest.write_bytes(b"")
    equal(trained(made, folder), whole)


class Rotten(Disk):
    """A disk that spoils files of a kind, while it is told to."""

    def __init__(self, kind: str) -> None:
        super().__init__()
        self.kind, self.spoils = kind, False

    def rename(self, old: Path, new: Path) -> None:
        """Rename, and spoil it."""
        super().rename(old, new)
        if self.spoils and new.suffix == self.kind:
            new.write_bytes(new.read_bytes()[:-1])


@pytest.mark.parametrize("kind", [".json", ".safetensors"])
def test_a_new_best_that_cannot_be_read_back_does_not_replace_the_old_one(
    kind: str, tmp_path: Path
) -> None:
    disk = Rotten(kind)
    store = Store(tmp_path, keep=1, disk=disk)
    store.save({"state": {"n": 1}, "best": mark(1)}, tensors(1))
    store.save({"state": {"n": 2}}, tensors(2))
    disk.spoils = True
    with pytest.raises(RuntimeError, match="cannot be read back"):
        store.save({"state": {"n": 3}, "best": mark(3)}, tensors(3))
    disk.spoils = False
    assert Store(tmp_path).best(found(tmp_path))[0] == min(p.name for p in tmp_path.glob("*.json"))
    store.save({"state": {"n": 4}}, tensors(4))
    assert [one["state"]["n"] for one in manifests(tmp_path)] == [1, 4]


def mark(iteration: int, returns: int = 0) -> dict[str, Any]:
    return {"iteration": iteration, "update": iteration, "returns": returns, "value": 1.0}


@pytest.mark.parametrize("odd", [7, [], {"iteration": "1"}, {"iteration": 1, "update": None}, None])
def test_a_mark_of_another_form_is_none(odd: Any, tmp_path: Path) -> None:
    store = Store(tmp_path, keep=1)
    store.save({"state": {"n": 1}, "best": odd}, {})
    store.save({"state": {"n": 2}, "returns": odd}, {})
    assert [one["state"]["n"] for one in manifests(tmp_path)] == [2]
    assert Store(tmp_path).best(found(tmp_path)) == (None, [])


class Cut(BaseException):
    """The power is gone."""


class CutShort(Disk):
    """A disk that ends everything before its n-th change."""

    def __init__(self, at: int) -> None:
        super().__init__()
        self.left = at

    def _count(self) -> None:
        self.left -= 1
        if self.left < 0:
            raise Cut

    def create(self, path: Path) -> int:
        """Open it, or end."""
        self._count()
        return super().create(path)

    def rename(self, old: Path, new: Path) -> None:
        """Rename, or end."""
        self._count()
        super().rename(old, new)

    def remove(self, path: Path) -> None:
        """Remove, or end."""
        self._count()
        super().remove(path)


def test_cut_off_at_any_change_the_older_best_is_there_or_the_newer(tmp_path: Path) -> None:
    at, seen = 0, set[int]()
    while True:
        folder = tmp_path / f"{at}"
        folder.mkdir()
        Store(folder, keep=1).save({"state": {}, "best": mark(1)}, tensors(1))
        Store(folder, keep=1).save({"state": {}}, tensors(2))
        try:
            Store(folder, keep=1, disk=CutShort(at)).save(
                {"state": {}, "best": mark(3)}, tensors(3)
            )
        except Cut:
            name, refused = Store(folder, keep=1).best(found(folder))
            assert name is not None
            assert refused == []
            seen.add(json.loads((folder / name).read_text())["best"]["iteration"])
            at += 1
        else:
            break
    assert seen == {1, 3}
    assert len(list(folder.glob("*.json"))) == 1


def tensors(number: int) -> dict[str, dict[str, torch.Tensor]]:
    return {"small": {"one": torch.full((3,), float(number))}}


# Together with going back.


def test_what_was_found_in_vain_is_not_the_best(tmp_path: Path) -> None:
    made = told([4.0, 5.0, 1.0, 3.0, 2.0], bad=14, nonfinite=Back(every="2 epochs"))
    assert stopped(made, tmp_path / "killed", 15)  # it failed in epoch 4, and went back to 8
    found_here = manifests(tmp_path / "killed")
    assert found_here[-1]["returns"] == [{"iteration": 8, "update": 8}]
    assert all("best" not in one for one in found_here)  # that of epoch 3 is taken out
    run = trained(made, tmp_path / "whole")
    assert run.best is not None
    assert run.best["epoch"] == 3
    assert best_of(tmp_path / "whole") == (1.0, 3)  # and saved again when it is found again
    assert manifests(tmp_path / "whole")[0]["best"]["returns"] == 1


def test_after_going_back_an_earlier_best_stays(tmp_path: Path) -> None:
    values = [1.0, 5.0, 6.0, 4.0, 4.0]
    run = trained(told(values, bad=14, nonfinite=Back(every="2 epochs")), tmp_path)
    assert [one["iteration"] for one in run.history if one["when"] == "back"] == [8]
    assert best_of(tmp_path) == (1.0, 1)
    assert iterations(tmp_path) == [4, 20]


def test_a_mark_counts_only_returns_after_it() -> None:
    to = [{"iteration": 8, "update": 8}, {"iteration": 4, "update": 4}]
    assert holds(mark(8), {"returns": to[:1]})
    assert not holds(mark(9), {"returns": to[:1]})
    assert holds(mark(9, 1), {"returns": to[:1]})
    assert not holds(mark(9, 1), {"returns": to})
    assert holds(mark(4, 0), {"returns": to})
    assert holds(mark(99), {})


# Refusals.


def test_another_model_loaded_loosely_keeps_what_was_best(tmp_path: Path) -> None:
    made = told([1.0, 2.0, 3.0], saving={"strict": True})
    assert stopped(made, tmp_path, 11)

    def loose() -> Made:
        model, loss, optimizer, usual = told([1.0, 2.0, 3.0], saving={"strict": False})()
        model.more = nn.Parameter(torch.zeros(2))
        return model, loss, optimizer, usual

    left = trained(loose, tmp_path)
    assert left.best is not None
    assert left.best["epoch"] == 1
    assert best_of(tmp_path) == (1.0, 1)


@pytest.mark.parametrize(
    "other",
    [
        {"monitor": "validation_accuracy", "mode": "max", "metrics": accuracy},
        {"monitor": "loss", "patience": 5},
        {"mode": "max"},
    ],
)
def test_what_was_best_by_another_value_is_not_the_best(
    other: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    values = [9.0, 1.0, 3.0, 2.0]
    assert stopped(told(values), tmp_path, 2 * BATCHES + 1)
    assert best_of(tmp_path) == (1.0, 2)
    left = trained(told(values, **other), tmp_path)
    assert "the best is looked for anew, as another value is monitored" in capsys.readouterr().err
    assert left.best is not None
    assert left.best["epoch"] > 2
    if "mode" in other and "monitor" not in other:
        assert best_of(tmp_path) == (3.0, 3)
        same(weights(tmp_path), left.best_weights)


def test_keep_best_is_yes_or_no(tmp_path: Path) -> None:
    with pytest.raises(TypeError, match="keep_best=2 was given\n  do: choose True or False"):
        Checkpoint(tmp_path, keep_best=2)  # pyright: ignore[reportArgumentType]
