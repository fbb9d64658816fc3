"""What holds the loop, and what lets it go: in the loop's own thread, by requests of another."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from hand import ITERATIONS, Item, Steered, Told, by_hand, equal, staged
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from fivestep.page.control import Control
from fivestep.page.perform import Attendant, perform
from fivestep.page.ring import Ring
from fivestep.page.stage import Stage

GALLERY = Path(__file__).parents[1] / "gallery"
FIVE = ["forward", "loss", "zero_grad", "backward", "update"]


def loop() -> Any:
    return by_hand(lambda i: "FLZBU")


def places(told: Told) -> list[tuple[int, str | None]]:
    """Where the loop was when it told that it is paused."""
    return [(one["iteration"], one["step"]) for one in told.of("state") if one["paused"]]


def test_it_begins_paused_before_the_first_step() -> None:
    _, told = staged(loop, ["play"])
    first = told.of("state")[0]
    assert (first["paused"], first["iteration"], first["step"]) == (True, 0, None)
    assert told.index(first) < told.index(told.of("moment")[0])
    assert first["site"]["function"] == "by_hand"
    assert told.of("ack")[0] == {
        "v": 1, "seq": told.of("ack")[0]["seq"], "kind": "ack", "id": "1",
        "applied": {"verb": "play"}, "iteration": 0, "step": None,
    }  # fmt: skip


def test_step_goes_one_step() -> None:
    _, told = staged(loop, ["step"] * 7)
    assert places(told)[1:8] == [*((1, step) for step in FIVE), (2, "forward"), (2, "loss")]


def test_iteration_goes_to_the_end_of_the_iteration_that_it_is_in() -> None:
    _, told = staged(loop, ["step", "step", "iteration", "iteration", "step"])
    assert places(told)[3:] == [(1, None), (2, "update"), (3, "forward")]


def test_after_the_five_steps_of_the_first_iteration_the_second_is_meant() -> None:
    _, told = staged(loop, [*["step"] * 5, "iteration", "iteration"])
    assert places(told)[5:] == [(1, "update"), (2, "update"), (3, "update")]


def test_from_the_second_iteration_on_the_end_is_known_at_once() -> None:
    """The first shows where an iteration ends, so the next pauses after its last step."""
    for order, last in (("FLZBU", "update"), ("FLBUZ", "zero_grad"), ("ZFLBU", "update")):
        _, told = staged(lambda order=order: by_hand(lambda i: order), ["iteration"] * 3)
        assert places(told)[2:4] == [(2, last), (3, last)]


def batches(workers: int = 0) -> Callable[[], int]:
    def train() -> int:
        x = torch.randn(12, 3)
        loader = DataLoader(
            TensorDataset(x, x.sum(1, keepdim=True)), batch_size=4, num_workers=workers
        )
        validation = DataLoader(TensorDataset(x, x), batch_size=6)
        model = nn.Linear(3, 1)
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        for _ in range(4):
            for inputs, targets in loader:
                loss = nn.functional.mse_loss(model(inputs), targets)
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
            with torch.no_grad():
                for inputs, _targets in validation:
                    model(inputs)
        return 4

    return train


def test_epoch_goes_to_the_end_of_the_epoch() -> None:
    _, told = staged(batches(), ["step", "iteration", "epoch", "epoch", "epoch"])
    assert not [one for one in told.of("ack") if "refused" in one]
    ends = [place for place in places(told) if place[1] is None]
    assert ends == [(0, None), (1, None), (3, None), (6, None), (9, None)]


@pytest.mark.parametrize("first", [[], ["step"], ["step", "step"]])
@pytest.mark.parametrize("workers", [0, 2])
def test_epoch_is_known_before_the_first_iteration_is_over(first: list[Any], workers: int) -> None:
    _, told = staged(batches(workers), [*first, "epoch", "epoch", "step"])
    assert not [one for one in told.of("ack") if "refused" in one]
    ends = [place for place in places(told) if place[1] is None]
    assert ends == [(0, None), (3, None), (6, None)]


def test_without_a_loader_an_epoch_is_refused_in_words() -> None:
    _, told = staged(loop, ["step", "epoch"])
    (refused,) = [one["refused"] for one in told.of("ack") if "refused" in one]
    assert "DataLoader" in refused


def test_reset_is_not_for_the_loop_to_do() -> None:
    got, told = staged(loop, ["reset"])
    (refused,) = [one["refused"] for one in told.of("ack") if "refused" in one]
    assert "fivestep step" in refused
    assert equal(got, loop())


@pytest.mark.parametrize("speed", [0, -1, "fast", True, float("nan"), 1e9])
def test_a_speed_that_is_none_is_refused(speed: Any) -> None:
    _, told = staged(loop, [("speed", speed)])
    (refused,) = [one["refused"] for one in told.of("ack") if "refused" in one]
    assert "speed" in refused


class Waits(Control):
    """Counts how long it would have waited, and does not."""

    def __init__(self) -> None:
        super().__init__(paused=False)
        self.waited: list[float] = []

    def hold(self, answer: Callable[[], None], *, slowed: bool = True) -> None:
        answer()
        if self.speed and slowed:
            self.waited.append(1 / self.speed)


def test_speed_waits_after_each_step() -> None:
    control = Waits()
    control.ask({"id": "a", "verb": "speed", "value": 4.0})
    _, told = staged(loop, [], control=control)
    assert len(control.waited) == 5 * ITERATIONS
    assert set(control.waited) == {0.25}
    assert len(told.of("moment")) == 5 * ITERATIONS, "slow enough to be followed"


def test_a_real_wait_ends_when_somebody_asks() -> None:
    """From another thread: pause while it runs, go on one step, then play at full speed."""
    told, control, done = Told(), Control(), threading.Event()

    def run() -> None:
        torch.set_num_threads(1)
        with Attendant(Stage(told.post, control)):
            loop()
        done.set()

    threading.Thread(target=run, daemon=True).start()
    wait_for(lambda: bool(places(told)))
    assert not done.is_set()
    control.ask({"id": "a", "verb": "speed", "value": 0.001})
    control.ask({"id": "b", "verb": "play"})
    wait_for(lambda: len(told.of("moment")) == 1)
    control.ask({"id": "c", "verb": "pause"})
    wait_for(lambda: len(told.of("ack")) == 3)
    control.ask({"id": "d", "verb": "step"})
    wait_for(lambda: len(told.of("moment")) == 2)
    control.ask({"id": "e", "verb": "speed", "value": None})
    control.ask({"id": "f", "verb": "play"})
    assert done.wait(30)
    assert [one["id"] for one in told.of("ack")] == list("abcdef")


def wait_for(condition: Callable[[], bool]) -> None:
    for _ in range(3000):
        if condition():
            return
        time.sleep(0.01)
    raise AssertionError("it never came")


def test_the_loop_never_waits_for_a_reader() -> None:
    """A thousand iterations while a reader that has begun to read never reads on."""
    ring: Ring[Any] = Ring(64)
    ring.call(lambda: None, 0)
    control = Steered([])
    with Attendant(Stage(lambda kind, fields: ring.write(kind, fields), control)):
        by_hand(lambda i: "FLZBU", iterations=1000)
    assert ring.last > 1000
    assert len(ring) < 200


def test_while_nothing_is_paused_only_scalars_are_told() -> None:
    _, told = staged(lambda: by_hand(lambda i: "FLZBU", iterations=50), ["play"], share=0.0)
    assert len(told.of("iteration")) == 50
    assert len(told.of("moment")) == 5, "of the iteration that it was paused in"
    assert [one["layers"] for one in told.of("iteration")[1:]] == [[]] * 49
    assert all(isinstance(one["loss"], float) for one in told.of("iteration"))


def test_the_numbers_of_messages_have_no_gap() -> None:
    _, told = staged(loop, ["step"] * 9)
    assert [one["seq"] for one in told] == list(range(1, len(told) + 1))


# --- What a moment says -----------------------------------------------------------------------


def test_before_less_rate_times_gradient_is_after() -> None:
    def descend() -> None:
        model = nn.Linear(2, 1)
        optimizer = torch.optim.SGD(model.parameters(), lr=0.25)
        for _ in range(3):
            optimizer.zero_grad()
            (model(torch.ones(4, 2)) ** 2).mean().backward()
            optimizer.step()

    _, told = staged(descend, ["iteration"] * 3)
    updates = [one for one in told.of("moment") if one["step"] == "update"]
    assert len(updates) == 3
    for one in updates:
        for parameter in one["parameters"]:
            rows = zip(parameter["before"], parameter["gradient"], parameter["after"], strict=True)
            for before, gradient, after in rows:
                assert before - one["rate"] * gradient == pytest.approx(after, abs=1e-5)
    assert [p["name"] for p in updates[0]["parameters"]] == ["weight", "bias"]


def test_a_loss_by_hand_stands_at_its_own_line() -> None:
    def descend() -> None:
        weight = torch.zeros(3, requires_grad=True)
        optimizer = torch.optim.SGD([weight], lr=0.1)
        for _ in range(3):
            error = weight - 2
            loss = (error**2).mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()

    _, told = staged(descend, ["iteration"] * 2)
    first = descend.__code__.co_firstlineno
    lines = {one["step"]: one["site"]["line"] - first for one in told.of("moment")}
    assert lines == {"loss": 5, "zero_grad": 6, "backward": 7, "update": 8}
    assert told.of("order")[0]["steps"] == ["loss", "zero_grad", "backward", "update"]
    loss = next(one for one in told.of("moment") if one["step"] == "loss")
    assert loss["loss"] == 4.0
    assert [p["name"] for p in loss["parameters"]] == ["parameter 1"]


def test_the_order_is_that_of_the_code() -> None:
    names = {"F": "forward", "L": "loss", "Z": "zero_grad", "B": "backward", "U": "update"}
    for order in ("FLZBU", "ZFLBU", "FLBUZ", "FZLBU"):
        _, told = staged(lambda order=order: by_hand(lambda i: order), ["step"])
        assert [one["steps"] for one in told.of("order")] == [[names[one] for one in order]]


def test_a_moved_zero_grad_is_named_in_the_order() -> None:
    _, told = staged(loop, ["iteration", ("zero_grad_at", "before update"), "play"])
    assert [one["steps"] for one in told.of("order")] == [
        FIVE, ["forward", "loss", "backward", "zero_grad", "update"],
    ]  # fmt: skip


def findings_of(tmp_path: Path, script: str, plan: list[Item]) -> Told:
    """Run a script as the command does, with the doctor."""
    told = Told()
    path = tmp_path / "script.py"
    path.write_text(script)
    outcome = perform(str(path), [], told.post, Steered(plan), run_id="run")
    assert outcome.code == 0, outcome.error
    return told


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ("print('no training')\n", True),
        ("import torch\ntorch.zeros(3).sum()\n", True),
        ("import torch\ntorch.nn.Linear(1, 1)(torch.zeros(1, 1))\n", False),
        ("w = __import__('torch').ones(1, requires_grad=True)\n(w * w).sum().backward()\n", False),
    ],
)
def test_a_script_without_a_step_is_told_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], script: str, said: bool
) -> None:
    told = findings_of(tmp_path, script, [])
    words = "no training step was heard in script.py: it ended without"
    notes = [one for one in told.of("note") if one["text"].startswith(words)]
    assert [one["level"] for one in notes] == ["warning"] * said
    err = capsys.readouterr().err
    assert (f"fivestep: {words}" in err) is said
    assert ("\n  do: name the script that trains" in err) is said
    assert told[-1]["kind"] == "end"


def test_a_script_that_fails_before_its_first_step_says_only_that(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, told = tmp_path / "script.py", Told()
    path.write_text("import sys\nsys.exit(2)\n")
    assert perform(str(path), [], told.post, Steered([]), run_id="run").code == 2
    assert told.of("note") == []
    assert capsys.readouterr().err == ""


STALE = """
import torch
from torch import nn
model = nn.Linear(2, 1)
optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
schedule = torch.optim.lr_scheduler.StepLR(optimizer, 1)
for _ in range(20):
    loss = nn.functional.mse_loss(model(torch.ones(3, 2)), torch.ones(3, 1))
    loss.backward()
    optimizer.step()
"""


def test_the_doctor_speaks_while_the_loop_runs(tmp_path: Path) -> None:
    told = findings_of(tmp_path, STALE, ["iteration"] * 6)
    (stale,) = [one for one in told.of("finding") if one["rule"] == "stale-gradient"]
    at = told.index(stale)
    assert [one for one in told[at:] if one["kind"] == "moment"], "it was told in the middle"
    assert told[stale["seq_of"] - 1]["kind"] == "moment"
    assert stale["file"] == "script.py"
    assert stale["excerpt"]


def test_what_may_still_come_is_missed_at_the_end_only(tmp_path: Path) -> None:
    told = findings_of(tmp_path, STALE, ["iteration"] * 6)
    (never,) = [one for one in told.of("finding") if one["rule"] == "unstepped-schedule"]
    after = [one["kind"] for one in told[told.index(never) :]]
    assert set(after) <= {"finding", "end"}


def test_a_script_that_is_slow_to_start_is_not_suspected(tmp_path: Path) -> None:
    script = (GALLERY / "deep_and_slow_to_start.py").read_text(encoding="utf-8")
    told = findings_of(tmp_path, script + "\n\nmain()\n", ["iteration"] * 4)
    assert len(told.of("iteration")) > 100
    withdrawn = {one["seq_of"] for one in told.of("withdrawn")}
    assert [one for one in told.of("finding") if one["seq"] not in withdrawn] == []


def test_orders_that_take_turns_are_told_once() -> None:
    def turns(i: int) -> str:
        return "ZFLBU" if i % 2 else "FLZBU"

    _, told = staged(lambda: by_hand(turns, iterations=20), [])
    assert 2 <= len(told.of("order")) <= 4


def test_closures_of_an_optimizer_are_held_inside_its_update() -> None:
    def fit() -> torch.Tensor:
        torch.manual_seed(1)
        model, x = nn.Linear(2, 1), torch.randn(8, 2)
        optimizer = torch.optim.LBFGS(model.parameters(), max_iter=4)

        def closure() -> torch.Tensor:
            optimizer.zero_grad()
            loss = nn.functional.mse_loss(model(x), x[:, :1])
            loss.backward()
            return loss

        for _ in range(3):
            optimizer.step(closure)  # pyright: ignore[reportArgumentType]
        return model.weight.detach()

    got, told = staged(fit, ["step"] * 200)
    assert got.equal(fit())
    assert [one["iteration"] for one in told.of("iteration")] == [1, 2, 3]
    assert told.steps(2)[-1] == "update"
    assert told.steps(2).count("update") == 1
    assert told.steps(2).count("backward") > 1
    assert not told.of("knobs")[-1]["knobs"]["zero_grad_at"]["works"]


def test_two_models_in_one_iteration() -> None:
    def adversaries() -> None:
        one, other = nn.Linear(2, 2), nn.Linear(2, 1)
        first = torch.optim.SGD(one.parameters(), lr=0.1)
        second = torch.optim.SGD(other.parameters(), lr=0.1)
        for _ in range(4):
            fake = one(torch.ones(3, 2))
            second.zero_grad()
            other(fake.detach()).mean().backward()
            second.step()
            first.zero_grad()
            other(fake).mean().backward()
            first.step()

    _, told = staged(adversaries, ["iteration"] * 4)
    assert [one["iteration"] for one in told.of("iteration")] == [1, 2, 3, 4]
    assert told.steps(3).count("update") == 2
    names = {p["name"] for p in told.of("moment")[-1]["parameters"]}
    assert names == {"Linear 1: weight", "Linear 1: bias", "Linear 2: weight", "Linear 2: bias"}
    assert not told.of("knobs")[-1]["knobs"]["zero_grad_at"]["works"]


def test_a_model_that_is_gone_is_not_kept() -> None:
    import gc
    import weakref

    gone: list[weakref.ref[Any]] = []

    def sweep() -> list[bool]:
        model = optimizer = None
        for _ in range(3):
            model = nn.Linear(2, 1)
            optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
            gone.append(weakref.ref(model))
            for _ in range(3):
                optimizer.zero_grad()
                model(torch.ones(1, 2)).sum().backward()
                optimizer.step()
        del model, optimizer
        gc.collect()
        return [one() is None for one in gone]

    alive, _ = staged(sweep, ["iteration"] * 9)
    assert alive == [True, True, True]


def test_our_own_failure_does_not_stop_the_script(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(self: Stage) -> None:
        raise RuntimeError("on purpose")

    monkeypatch.setattr(Stage, "_iteration", fails)
    told = Told()
    with Attendant(Stage(told.post, Steered(["iteration"]))):
        got = loop()
    assert equal(got, by_hand(lambda i: "FLZBU"))
    (note,) = told.of("note")
    assert "on purpose" in note["text"]


def test_everything_is_put_back() -> None:
    places = (
        (nn.Module, "__call__"), (torch.optim.Optimizer, "zero_grad"), (torch.autograd, "backward"),
        (nn.functional, "mse_loss"), (torch.optim.Optimizer, "__init__"), (DataLoader, "__iter__"),
    )  # fmt: skip
    before = [getattr(owner, name) for owner, name in places]
    staged(loop, ["step"])
    assert [getattr(owner, name) for owner, name in places] == before


def test_torchscript_finds_the_originals() -> None:
    def script() -> list[str]:
        scripted: Any = torch.jit.script(nn.Linear(2, 1))
        optimizer = torch.optim.SGD(scripted.parameters(), lr=0.1)
        for _ in range(2):
            optimizer.zero_grad()
            nn.functional.mse_loss(scripted(torch.ones(1, 2)), torch.ones(1, 1)).backward()
            optimizer.step()
        return []

    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        _, told = staged(script, ["iteration"] * 2)
    assert told.steps(2) == ["zero_grad", "forward", "loss", "backward", "update"]


class Interrupting(Control):
    """Runs at full speed; what is asked for in the middle is answered, and then it goes on."""

    def hold(self, answer: Callable[[], None], *, slowed: bool = True) -> None:
        answer()
        self.play()


@pytest.mark.parametrize("step", ["F", "L", "Z", "B", "U"])
def test_a_pause_from_full_speed_lights_a_line_at_once(step: str) -> None:
    control = Interrupting(paused=False)

    def order(i: int) -> Any:
        for one in "FLZBU":
            if i == 4 and one == step:
                control.ask({"id": "now", "verb": "pause"})
            yield one

    told = staged(lambda: by_hand(order), [], control=control, share=0.0)[1]
    paused = next(one for one in told.of("state") if one["paused"])
    moments = [one for one in told.of("moment") if one["iteration"] == 4]
    lit = paused.get("site") or (moments[0]["site"] if moments else None)
    assert lit is not None, told.of("state")
    assert "by_hand" in lit["function"]
    # The step before is told where it stands held: of the first, that of the iteration before.
    assert {one["iteration"] for one in told.of("moment")} <= ({3} if step == "F" else {4})


def test_a_pause_heard_after_a_step_tells_of_that_step() -> None:
    control = Interrupting(paused=False)

    class Asking(nn.MSELoss):
        calls = 0

        def forward(self, input: torch.Tensor, target: torch.Tensor) -> torch.Tensor:  # noqa: A002
            Asking.calls += 1
            if Asking.calls == 3:
                control.ask({"id": "now", "verb": "pause"})
            return super().forward(input, target)

    def trained() -> None:
        model, loss_fn = nn.Linear(2, 1), Asking()
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        for _ in range(5):
            loss = loss_fn(model(torch.ones(4, 2)), torch.ones(4, 1))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()

    told = staged(trained, [], control=control, share=0.0)[1]
    (moment,) = told.of("moment")
    assert (moment["iteration"], moment["step"]) == (3, "loss")
    assert moment["values"][0]["name"] == "loss"
    state = next(one for one in told.of("state") if one["paused"])
    assert state["seq"] > moment["seq"]


def test_an_update_nobody_looked_at_is_told_without_a_before() -> None:
    control = Interrupting(paused=False)

    class Asking(torch.optim.SGD):
        calls = 0

        def step(self, closure: Any = None) -> Any:
            Asking.calls += 1
            if Asking.calls == 3:
                control.ask({"id": "now", "verb": "pause"})
            return super().step(closure)

    def trained() -> None:
        model = nn.Linear(2, 1)
        optimizer = Asking(model.parameters(), lr=0.1)
        for _ in range(5):
            optimizer.zero_grad()
            nn.functional.mse_loss(model(torch.ones(4, 2)), torch.ones(4, 1)).backward()
            optimizer.step()

    told = staged(trained, [], control=control, share=0.0)[1]
    moment = told.of("moment")[-1]
    assert moment["step"] in ("backward", "update")
    assert all(one["after"] is None for one in moment["parameters"])
