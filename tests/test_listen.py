"""Listening hears the five steps of any loop, and changes nothing."""

from __future__ import annotations

import copy
import pickle
import subprocess
import sys
import threading
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from torch import nn
from torch.utils.checkpoint import checkpoint
from torch.utils.data import DataLoader, Dataset, TensorDataset

from fivestep.doctor import listen
from fivestep.listen.ears import Ears
from fivestep.practice import VARIANTS
from fivestep.rules import catalogue
from fivestep.vitals import (
    Backward,
    Batch,
    Clear,
    Clip,
    Compare,
    Forward,
    Loss,
    Record,
    Scale,
    Schedule,
    Update,
)
from fivestep.vitals.recording.backwards import Backwards
from fivestep.vitals.recording.clears import Clears
from fivestep.vitals.recording.forwards import Forwards
from fivestep.vitals.recording.losses import Losses
from fivestep.vitals.recording.updating import Updates

Weights = list[torch.Tensor]
ENDS = (nn.Module, F, torch.optim.Optimizer, torch.autograd, torch.Tensor, torch, nn.utils)


def _model(*, dropout: bool = True) -> nn.Module:
    return nn.Sequential(
        nn.Linear(8, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Dropout(0.3 * dropout), nn.Linear(16, 3)
    )


def _data() -> tuple[torch.Tensor, torch.Tensor]:
    return torch.randn(16, 8), torch.randint(3, (16,))


def _weights(*models: nn.Module) -> Weights:
    return [
        one.detach().clone() for model in models for one in (*model.parameters(), *model.buffers())
    ]


def flzbu() -> Weights:
    model = _model()
    optimizer = torch.optim.SGD(model.parameters(), 0.1, momentum=0.9)
    for _ in range(40):
        x, y = _data()
        loss = F.cross_entropy(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return _weights(model)


def zflbu() -> Weights:
    model, loss_fn = _model(), nn.CrossEntropyLoss()
    optimizer = torch.optim.Adam(model.parameters())
    for _ in range(40):
        x, y = _data()
        optimizer.zero_grad()
        loss = loss_fn(model(x), y)
        loss.backward()
        optimizer.step()
    return _weights(model)


def flbuz() -> Weights:
    model = _model()
    optimizer = torch.optim.RMSprop(model.parameters())
    for _ in range(40):
        x, y = _data()
        loss = F.cross_entropy(model(x), y)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
    return _weights(model)


def fzlbu() -> Weights:
    model = _model()
    optimizer = torch.optim.AdamW(model.parameters())
    for _ in range(40):
        x, y = _data()
        prediction = model(x)
        model.zero_grad()
        loss = -F.log_softmax(prediction, 1)[torch.arange(16), y].mean()
        loss.backward()
        optimizer.step()
    return _weights(model)


def accumulated() -> Weights:
    model = _model()
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    for number in range(40):
        x, y = _data()
        (F.cross_entropy(model(x), y) / 4).backward()
        if number % 4 == 3:
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            optimizer.zero_grad()
    return _weights(model)


def gan() -> Weights:
    generator = nn.Sequential(nn.Linear(4, 16), nn.ReLU(), nn.Linear(16, 8))
    judge = nn.Sequential(nn.Linear(8, 16), nn.LeakyReLU(), nn.Linear(16, 1))
    g = torch.optim.Adam(generator.parameters(), 2e-3)
    d = torch.optim.Adam(judge.parameters(), 2e-3)
    for _ in range(40):
        real, fake = torch.randn(16, 8), generator(torch.randn(16, 4))
        d.zero_grad()
        F.binary_cross_entropy_with_logits(judge(real), torch.ones(16, 1)).backward()
        F.binary_cross_entropy_with_logits(judge(fake.detach()), torch.zeros(16, 1)).backward()
        d.step()
        g.zero_grad()
        F.binary_cross_entropy_with_logits(judge(fake), torch.ones(16, 1)).backward()
        g.step()
    return _weights(generator, judge)


def lbfgs() -> Weights:
    model = nn.Linear(8, 1)
    optimizer = torch.optim.LBFGS(model.parameters(), lr=0.5, max_iter=5)
    x, y = torch.randn(32, 8), torch.randn(32, 1)

    def closure() -> torch.Tensor:
        optimizer.zero_grad()
        loss = F.mse_loss(model(x), y)
        loss.backward()
        return loss

    for _ in range(6):
        optimizer.step(closure)  # pyright: ignore[reportArgumentType]
    return _weights(model)


def by_hand() -> Weights:
    w, b = torch.zeros(8, 1, requires_grad=True), torch.zeros(1, requires_grad=True)
    x = torch.randn(32, 8)
    y = x[:, :1] + 1
    for _ in range(40):
        loss = ((x @ w + b - y) ** 2).mean()
        loss.backward()
        with torch.no_grad():
            for one in (w, b):
                assert one.grad is not None
                one -= 0.1 * one.grad
                one.grad.zero_()  # pyright: ignore[reportOptionalMemberAccess]
    return [w.detach(), b.detach()]


def scaled() -> Weights:
    model = _model()
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    scaler = torch.amp.GradScaler("cpu", init_scale=1024.0)
    for _ in range(40):
        x, y = _data()
        optimizer.zero_grad()
        with torch.autocast("cpu", dtype=torch.bfloat16):
            loss = F.cross_entropy(model(x), y)
        scaler.scale(loss).backward()
        scaler.unscale_(optimizer)
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        scaler.step(optimizer)
        scaler.update()
    return _weights(model)


def checkpointed(*, reentrant: bool = False) -> Weights:
    first, last = _model(), nn.Linear(3, 3)
    optimizer = torch.optim.SGD([*first.parameters(), *last.parameters()], 0.1)
    for _ in range(40):
        x, y = _data()
        x.requires_grad_(reentrant)
        prediction = last(checkpoint(first, x, use_reentrant=reentrant))
        loss = F.cross_entropy(prediction, y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return _weights(first, last)


def checkpointed_reentrant() -> Weights:
    return checkpointed(reentrant=True)


def loaded() -> Weights:
    x, y = torch.randn(64, 8), torch.randint(3, (64,))
    loader = DataLoader(TensorDataset(x, y), batch_size=16, shuffle=True)
    model = _model()
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    schedule = torch.optim.lr_scheduler.StepLR(optimizer, 3)
    for _ in range(6):
        model.train()
        for xs, ys in loader:
            optimizer.zero_grad()
            F.cross_entropy(model(xs), ys).backward()
            optimizer.step()
        schedule.step()
        model.eval()
        with torch.no_grad():
            for xs, ys in loader:
                (model(xs).argmax(1) == ys).float().mean()
    return _weights(model)


def penalised() -> Weights:
    model = nn.Sequential(nn.Linear(8, 16), nn.Tanh(), nn.Linear(16, 1))
    optimizer = torch.optim.SGD(model.parameters(), 0.05)
    for _ in range(20):
        x = torch.randn(16, 8, requires_grad=True)
        out = model(x)
        (slope,) = torch.autograd.grad(out.sum(), x, create_graph=True)
        loss = out.pow(2).mean() + ((slope.norm(dim=1) - 1) ** 2).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return _weights(model)


def functional() -> Weights:
    model = nn.Linear(8, 3)
    weights = {name: one.detach().clone() for name, one in model.named_parameters()}

    def loss_of(parameters: dict[str, torch.Tensor], x: torch.Tensor, y: torch.Tensor) -> Any:
        return F.cross_entropy(torch.func.functional_call(model, parameters, (x,)), y)

    for _ in range(20):
        gradients = torch.func.grad(loss_of)(weights, *_data())
        weights = {name: one - 0.1 * gradients[name] for name, one in weights.items()}
    return list(weights.values())


def hooked() -> Weights:
    model = _model()
    seen: list[int] = []
    model.register_forward_hook(lambda *_: seen.append(1))  # pyright: ignore[reportUnknownLambdaType]
    model[0].register_full_backward_hook(lambda *_: seen.append(2))  # pyright: ignore[reportIndexIssue, reportUnknownLambdaType]
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    optimizer.register_step_post_hook(lambda *_: seen.append(3))  # pyright: ignore[reportUnknownLambdaType]
    for _ in range(5):
        x, y = _data()
        optimizer.zero_grad()
        F.cross_entropy(model(x), y).backward()
        optimizer.step()
    return [*_weights(model), torch.tensor(seen)]


# The loops do on purpose what torch warns of.
pytestmark = [
    pytest.mark.filterwarnings("ignore:Full backward hook is firing"),
    pytest.mark.filterwarnings("ignore:Using a target size"),
    pytest.mark.filterwarnings("ignore:`torch.jit.script` is deprecated"),
]

LOOPS = [
    flzbu, zflbu, flbuz, fzlbu, accumulated, gan, lbfgs, by_hand, scaled, checkpointed,
    checkpointed_reentrant, loaded, penalised, functional, hooked,
]  # fmt: skip


def _hear(loop: Callable[[], Weights]) -> tuple[Weights, Record]:
    torch.manual_seed(0)
    with listen() as doctor:
        weights = loop()
    assert not doctor.record.problems
    return weights, doctor.record


def _bits(weights: Weights) -> list[list[float]]:
    return [one.to(torch.float64).flatten().tolist() for one in weights]


@pytest.mark.parametrize("loop", LOOPS, ids=lambda loop: loop.__name__)
def test_weights_and_random_numbers_are_the_same_to_the_bit(loop: Callable[[], Weights]) -> None:
    torch.manual_seed(0)
    without, state = loop(), torch.get_rng_state()
    with_, _ = _hear(loop)
    assert _bits(with_) == _bits(without)
    assert torch.equal(torch.get_rng_state(), state)


@pytest.mark.parametrize("rule", catalogue().values(), ids=lambda rule: rule.name)
def test_the_loops_of_the_rules_are_the_same_to_the_bit(rule: Any) -> None:
    warnings.simplefilter("ignore")  # some faults are such that torch warns of them
    for loop in (rule.sick, rule.healthy):
        seen: list[list[float]] = []
        for heard in (False, True):
            torch.manual_seed(0)
            doctor = listen()
            try:
                if heard:
                    with doctor:
                        loop(VARIANTS["plain"])
                else:
                    loop(VARIANTS["plain"])
            except RuntimeError:
                pass
            seen.append(torch.rand(8).tolist())
        assert seen[0] == seen[1]


@pytest.mark.parametrize(
    ("loop", "order"),
    [
        (flzbu, [Forward, Loss, Clear, Backward, Update]),
        (zflbu, [Clear, Forward, Loss, Backward, Update]),
        (flbuz, [Forward, Loss, Backward, Update, Clear]),
        (fzlbu, [Forward, Clear, Backward, Update]),
    ],
    ids=["F L Z B U", "Z F L B U", "F L B U Z", "F Z L B U, loss by hand"],
)
def test_the_four_legal_orders_are_heard_in_order(
    loop: Callable[[], Weights], order: list[type]
) -> None:
    _, record = _hear(loop)
    assert record.length == 40
    for vitals in record.iterations[1:]:
        assert [type(event) for event in vitals.events] == order
        assert [event.at for event in vitals.events] == sorted(event.at for event in vitals.events)
    assert [vitals.iteration for vitals in record.iterations[:3]] == [1, 2, 3]
    assert sum(vitals.repeats for vitals in record.iterations) == 40
    assert next(round(value, 4) for value in record.series[0].values) > 0
    assert record.series[0].count == 40


def test_every_event_stands_at_its_line() -> None:
    _, record = _hear(zflbu)
    first = zflbu.__code__.co_firstlineno
    lines = [event.site.line - first for event in record.iterations[1].events if event.site]
    assert lines == [5, 6, 6, 7, 8]
    assert all(event.site and event.site.file == __file__ for event in record.iterations[1].events)


@pytest.mark.parametrize(
    "loop",
    [flzbu, zflbu, flbuz, fzlbu, gan, accumulated, scaled, lbfgs, by_hand, penalised],
    ids=lambda loop: loop.__name__,
)
def test_no_update_of_a_sound_loop_carries_old_gradients(loop: Callable[[], Weights]) -> None:
    _, record = _hear(loop)
    updates = [event for _, event in record.events(Update)]
    assert updates
    assert {event.carried for event in updates} == {0}
    assert {event.gradients for event in updates} == {"some"}
    assert not [event for event in updates if event.untouched]


def test_accumulation_is_heard_as_one_update_in_several_iterations() -> None:
    _, record = _hear(accumulated)
    assert record.count(Backward) == 40
    assert record.count(Update) == 10
    assert {event.summed for _, event in record.events(Update)} == {4}
    assert {event.empty for _, event in record.events(Clip)} == {False}


def test_gan_tells_the_two_optimizers_apart() -> None:
    _, record = _hear(gan)
    assert [one.updates for one in record.optimizers] == [40, 40]
    assert {event.optimizers for _, event in record.events(Backward)} == {(1,), (0, 1)}


def test_lbfgs_calls_its_closure_within_the_update() -> None:
    _, record = _hear(lbfgs)
    assert record.count(Update) == 6
    assert record.length == 6
    assert record.count(Backward) > 12
    for _, update in record.events(Update):
        assert update.closure
    assert {event.inside for _, event in record.events(Backward)} == {0}


def test_weights_changed_by_hand_are_an_update_without_an_optimizer() -> None:
    _, record = _hear(by_hand)
    updates = [event for _, event in record.events(Update)]
    assert record.count(Update) >= 39 - 1
    assert {event.optimizer for event in updates} == {None}
    assert all(one.handled >= 30 for one in record.parameters)


def test_scaler_gives_the_loss_as_the_user_knows_it() -> None:
    _, record = _hear(scaled)
    backward = next(event for _, event in record.events(Backward))
    assert backward.scaled
    assert backward.value is not None
    assert backward.value < 10  # 1024 times that with the factor
    assert {event.scaled for _, event in record.events(Clip)} == {False}
    assert {event.action for _, event in record.events(Scale)} == {
        "scale",
        "unscale",
        "step",
        "update",
    }


def test_checkpointed_forwards_are_not_heard_twice() -> None:
    for loop in (checkpointed, checkpointed_reentrant):
        _, record = _hear(loop)
        assert record.count(Backward) == 40
        assert record.count(Forward) == 80
        assert record.count(Update) == 40


def test_loader_epochs_evaluation_and_schedule() -> None:
    _, record = _hear(loaded)
    (loader,) = record.loaders
    assert (loader.epochs, loader.batches, loader.shuffles) == (12, 48, True)
    assert record.schedulers[0].steps == 6
    assert record.schedulers[0].length == 3
    assert record.count(Schedule) == 6
    assert record.count(Compare) == 24
    evaluation = [event for _, event in record.events(Forward) if not event.training]
    assert {event.grad for event in evaluation} == {"off"}
    trains = {vitals.trains for vitals, event in record.events(Forward) if not event.training}
    assert trains == {False}
    assert {len(list(vitals.of(Batch))) for vitals in record.iterations} == {1}


class _Scaled(nn.Module):
    """A transform as torchvision writes them: a module without parameters."""

    def forward(self, row: torch.Tensor) -> torch.Tensor:
        return (row - 0.5) / 2


class _Transformed(Dataset[tuple[torch.Tensor, torch.Tensor]]):
    def __init__(self, transform: nn.Module, rows: int, broken: int = -1) -> None:
        self.x, self.y = torch.randn(rows, 8), torch.randint(3, (rows,))
        self.transform, self.broken = transform, broken

    def __len__(self) -> int:
        return len(self.x)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, torch.Tensor]:
        if index == self.broken:
            raise LookupError("a picture that cannot be read")
        return self.transform(self.x[index]), self.y[index]


@pytest.mark.parametrize("batches", [3, 40])
@pytest.mark.parametrize("transform", [_Scaled(), nn.Sequential(_Scaled(), nn.Dropout(0.1))])
def test_what_a_data_set_calls_is_no_forward(transform: nn.Module, batches: int) -> None:
    model = _model()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    loader = DataLoader(_Transformed(transform, 4 * batches), batch_size=4)
    with listen() as doctor:
        for x, y in loader:
            optimizer.zero_grad()
            F.cross_entropy(model(x), y).backward()
            optimizer.step()
        model.eval()
        with torch.no_grad():
            for x, _ in loader:
                model(x)
    assert doctor.record.length == 2 * batches
    assert {event.model for _, event in doctor.record.events(Forward)} == {0}


def test_after_a_data_set_that_failed_the_model_is_heard() -> None:
    model = _model()
    with listen() as doctor:
        with pytest.raises(LookupError):
            list(DataLoader(_Transformed(_Scaled(), 8, broken=5), batch_size=4))
        model(torch.randn(4, 8))
    assert len(list(doctor.record.events(Forward))) == 1


@pytest.mark.parametrize("whole", [False, True], ids=["model", "forward and loss"])
def test_compiled_model_has_no_more_graph_breaks(whole: bool) -> None:
    def count(heard: bool) -> tuple[int, int, list[list[float]]]:
        torch.manual_seed(0)
        torch._dynamo.reset()  # pyright: ignore[reportPrivateUsage]
        model, graphs = _model(dropout=False), [0]

        def backend(graph: Any, _: Any) -> Any:
            graphs[0] += 1
            return graph.forward

        def forward(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
            return F.cross_entropy(model(x), y)

        compiled: Any = torch.compile(forward if whole else model, backend=backend)
        optimizer = torch.optim.SGD(model.parameters(), 0.1)
        doctor = listen()

        def run() -> None:
            for _ in range(6):
                x, y = _data()
                loss = compiled(x, y) if whole else F.cross_entropy(compiled(x), y)
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()

        if heard:
            with doctor:
                run()
            assert not doctor.record.problems
            assert doctor.record.count(Update) == 6
        else:
            run()
        breaks = sum(torch._dynamo.utils.counters["graph_break"].values())  # pyright: ignore[reportPrivateUsage]
        return graphs[0], breaks, _bits(_weights(model))

    assert count(heard=True) == count(heard=False)


def test_everything_is_put_back() -> None:
    before = [dict(vars(end)) for end in ENDS]
    with listen(), listen():
        assert nn.Module.__call__ is not before[0]["__call__"]
    after = [dict(vars(end)) for end in ENDS]
    assert [one.keys() for one in after] == [one.keys() for one in before]
    assert all(a[name] is b[name] for a, b in zip(after, before, strict=True) for name in b)


def test_nested_listening_hears_the_same() -> None:
    with listen() as outer, listen() as inner:
        flzbu()
    assert outer.record.counts == inner.record.counts
    assert outer.record.counts["update"] == 40


def test_an_exception_of_the_program_goes_through_and_is_noted() -> None:
    def program() -> None:
        flzbu()
        raise ZeroDivisionError("mine")

    doctor = listen()
    with pytest.raises(ZeroDivisionError), doctor:
        program()
    assert doctor.record.ended == "ZeroDivisionError: mine"
    assert doctor.record.count(Update) == 40


def test_an_error_in_an_update_leaves_the_next_one_heard() -> None:
    model = nn.Linear(2, 1)
    optimizer = torch.optim.LBFGS(model.parameters(), max_iter=2)

    def closure(*, fails: bool = False) -> torch.Tensor:
        optimizer.zero_grad()
        if fails:
            raise ArithmeticError
        loss = model(torch.ones(4, 2)).pow(2).mean()
        loss.backward()
        return loss

    with listen() as doctor:
        for number in range(6):
            try:
                optimizer.step(lambda fails=number == 2: closure(fails=fails))  # pyright: ignore[reportArgumentType, reportUnknownLambdaType]
            except ArithmeticError:
                assert number == 2
    assert doctor.record.count(Update) == 5
    assert doctor.record.length >= 5


def test_an_error_in_a_forward_leaves_the_depth_right() -> None:
    model = nn.Sequential(nn.Linear(4, 4))
    with listen() as doctor:
        with pytest.raises(RuntimeError):
            model(torch.randn(2, 5))
        model(torch.randn(2, 4))
    assert doctor.record.count(Forward) == 2


def test_a_fault_of_the_watcher_never_reaches_the_user(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any, **__: Any) -> None:
        raise KeyError("ours")

    torch.manual_seed(0)
    without = flzbu()
    for owner, name in (
        (Forwards, "begins"),
        (Forwards, "ends"),
        (Losses, "answered"),
        (Clears, "cleared"),
        (Backwards, "begins"),
        (Backwards, "ends"),
        (Updates, "begins"),
        (Updates, "ends"),
    ):
        with monkeypatch.context() as patch:
            patch.setattr(owner, name, broken)
            torch.manual_seed(0)
            with listen() as doctor:
                weights = flzbu()
            assert _bits(weights) == _bits(without)
            assert len(doctor.record.problems) == 1
            assert "ours" in doctor.record.problems[0]


def test_model_and_optimizer_can_be_copied_and_pickled_meanwhile() -> None:
    model = _model()
    optimizer = torch.optim.Adam(model.parameters())
    with listen() as doctor:
        for _ in range(3):
            x, y = _data()
            F.cross_entropy(model(x), y).backward()
            optimizer.step()
            optimizer.zero_grad()
        twin = copy.deepcopy(model)
        again = pickle.loads(pickle.dumps((model, optimizer.state_dict())))
    assert _bits(_weights(twin)) == _bits(_weights(model)) == _bits(_weights(again[0]))
    assert not doctor.record.problems


def test_each_thread_has_its_own_record() -> None:
    with listen() as doctor:
        thread = threading.Thread(target=zflbu)
        thread.start()
        flzbu()
        thread.join()
    assert [record.count(Update) for record in doctor.records] == [40, 40]


def test_listening_can_be_narrowed_to_a_model_and_an_optimizer() -> None:
    model, other = nn.Linear(4, 1), nn.Linear(4, 1)
    optimizers = [torch.optim.SGD(one.parameters(), 0.1) for one in (model, other)]
    with listen(model, optimizers[0]) as doctor:
        for one, optimizer in zip((model, other), optimizers, strict=True):
            for _ in range(3):
                optimizer.zero_grad()
                one(torch.randn(8, 4)).pow(2).mean().backward()
                optimizer.step()
    assert len(doctor.record.models) == 1
    assert doctor.record.count(Update) == 3


def test_a_jit_script_is_compiled_as_without() -> None:
    class Scored(nn.Module):
        def forward(self, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
            return F.cross_entropy(x, y)

    with listen() as doctor:
        scripted: Any = torch.jit.script(Scored())
        assert float(scripted(torch.zeros(2, 2), torch.tensor([0, 1]))) == pytest.approx(
            0.6931, abs=1e-3
        )
        assert doctor._ears.on  # pyright: ignore[reportPrivateUsage]
    assert not doctor.record.problems


def test_a_jit_script_finds_the_names_of_its_caller() -> None:
    def twice(x: torch.Tensor) -> torch.Tensor:  # known here, and not where script is replaced
        return 2 * x

    def plain(x: torch.Tensor) -> torch.Tensor:
        return twice(x) + 1

    with listen():
        scripted: Any = torch.jit.script(plain)
    assert scripted(torch.ones(2)).tolist() == [3, 3]


def test_a_closed_ear_is_silent() -> None:
    ears = Ears()
    ears.open()
    ears.close()
    flzbu()
    assert not ears.recorders


DRAWN = """
import random, torch, numpy
from torch import nn
torch.set_num_threads(1)
random.seed(3), numpy.random.seed(3), torch.manual_seed(3)
{listening}
random.random()  # what a program draws is what it would have drawn
print(random.random(), numpy.random.rand(), torch.rand(1).item())
"""
LISTENING = """
import fivestep
with fivestep.listen() as doctor:
    pass
print(doctor.report(), file=open(__import__("os").devnull, "w"))
doctor.report()._repr_html_()
model = nn.Linear(1, 1)
data = torch.ones(8, 1), torch.ones(8, 1)
fivestep.fit(model, nn.MSELoss(), torch.optim.SGD(model.parameters(), 0.1), data, epochs=2)
torch.manual_seed(3)  # a new model draws its weights
"""


def test_importing_listening_and_reporting_draw_no_random_number() -> None:
    lines = [
        subprocess.run(
            [sys.executable, "-c", DRAWN.format(listening=listening)],
            capture_output=True, text=True, check=True,
        ).stdout.splitlines()[-1]
        for listening in ("", LISTENING)
    ]  # fmt: skip
    assert lines[0] == lines[1]


def test_a_loop_that_is_never_twice_the_same_is_heard_to_its_end() -> None:
    model = nn.Linear(2, 1)
    optimizer = torch.optim.SGD(model.parameters(), 0.01)
    with listen() as doctor:
        for i in range(600):
            loss = F.mse_loss(model(torch.randn(4, 2)), torch.zeros(4, 1))
            optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1 + i / 1000)
            optimizer.step()
    record = doctor.record
    assert not record.problems
    assert record.length == 600
    assert record.counts["update"] == 600


def test_record_stays_small_over_many_iterations() -> None:
    model = nn.Linear(2, 1)
    optimizer = torch.optim.SGD(model.parameters(), 0.01)
    x, y = torch.randn(4, 2), torch.randn(4, 1)
    with listen() as doctor:
        for _ in range(1500):
            optimizer.zero_grad()
            F.mse_loss(model(x), y).backward()
            optimizer.step()
    record = doctor.record
    assert sum(vitals.repeats for vitals in record.iterations) == 1500
    assert len(record.iterations) < 80
    assert record.series[0].count == 1500


def test_a_run_in_which_nothing_was_heard_can_be_kept(tmp_path: Path) -> None:
    with listen() as doctor:
        torch.ones(3).sum()
    read = Record.load(doctor.record.save(tmp_path / "vitals.jsonl"))
    assert read.iterations == doctor.record.iterations == []
