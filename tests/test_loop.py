"""The heart: the same bits as the loop written by hand, and five pauses that leave no trace."""

# pyright: reportUnknownLambdaType=false

from __future__ import annotations

import gc
import weakref
from collections.abc import Callable, Iterator
from functools import partial
from itertools import islice
from typing import Any

import pytest
import torch
from by_hand import Batch, assert_same, assert_same_training, closure_loop, plain_loop, twins
from torch import nn
from torch.nn import functional

from fivestep.loop import Moment, Step, train

FIVE = [Step.FORWARD, Step.LOSS, Step.ZERO_GRAD, Step.BACKWARD, Step.UPDATE]

OPTIMIZERS: dict[str, Callable[..., torch.optim.Optimizer]] = {
    "SGD": partial(torch.optim.SGD, lr=0.05),
    "SGD with momentum": partial(torch.optim.SGD, lr=0.05, momentum=0.9, weight_decay=0.01),
    "SGD with Nesterov": partial(torch.optim.SGD, lr=0.05, momentum=0.9, nesterov=True),
    "SGD, fused": partial(torch.optim.SGD, lr=0.05, fused=True),
    "Adam": partial(torch.optim.Adam, lr=0.01),
    "Adam with AMSGrad": partial(torch.optim.Adam, lr=0.01, amsgrad=True),
    "Adam, fused": partial(torch.optim.Adam, lr=0.01, fused=True),
    "AdamW": partial(torch.optim.AdamW, lr=0.01),
    "AdamW, one by one": partial(torch.optim.AdamW, lr=0.01, foreach=False),
    "RMSprop": partial(torch.optim.RMSprop, lr=0.01),
    "RMSprop, centred": partial(torch.optim.RMSprop, lr=0.01, centered=True, momentum=0.9),
    "Adagrad": partial(torch.optim.Adagrad, lr=0.05),
    "NAdam": partial(torch.optim.NAdam, lr=0.01),
    "Rprop": partial(torch.optim.Rprop, lr=0.01),
}
LBFGS: dict[str, Callable[..., torch.optim.Optimizer]] = {
    "LBFGS": partial(torch.optim.LBFGS, lr=0.1, max_iter=6),
    "LBFGS, strong Wolfe": partial(torch.optim.LBFGS, max_iter=6, line_search_fn="strong_wolfe"),
    "LBFGS, one evaluation": partial(torch.optim.LBFGS, lr=0.1, max_iter=1),
    "LBFGS, short memory": partial(torch.optim.LBFGS, lr=0.5, max_iter=8, history_size=2),
}
DTYPES = [torch.float32, torch.float64, torch.bfloat16]


def network(*, dropout: float = 0.0, norm: bool = False, dtype: Any = torch.float32) -> nn.Module:
    middle: list[nn.Module] = [nn.BatchNorm1d(7)] if norm else []
    layers = [nn.Linear(3, 7), *middle, nn.Tanh(), nn.Dropout(dropout), nn.Linear(7, 2)]
    return nn.Sequential(*layers).to(dtype)


def some_batches(count: int, *, rows: int = 5, dtype: Any = torch.float32) -> list[Batch]:
    draw = partial(torch.randn, dtype=dtype, generator=torch.Generator().manual_seed(1))
    return [(draw(rows, 3), draw(rows, 2)) for _ in range(count)]


def sgd(parameters: Any) -> torch.optim.Optimizer:
    return torch.optim.SGD(parameters, lr=0.05, momentum=0.9)


def consume(moments: Iterator[Moment]) -> None:
    for _ in moments:
        pass


def compare(
    loop: Callable[..., None], model: nn.Module, make: Any, batches: list[Batch], loss_fn: Any
) -> None:
    """Train one twin by hand and the other with ``train``, from the same random numbers."""
    theirs, ours = twins(model, make)
    torch.manual_seed(2)
    loop(theirs[0], loss_fn, theirs[1], batches)
    drawn = torch.get_rng_state()
    torch.manual_seed(2)
    consume(train(ours[0], loss_fn, ours[1], batches))
    assert_same_training(theirs, ours)
    assert_same(torch.get_rng_state(), drawn, "random numbers drawn")


# --- The same bits ---------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_same_bits_as_by_hand(name: str, dtype: torch.dtype) -> None:
    batches = some_batches(20, dtype=dtype)
    compare(plain_loop, network(dtype=dtype), OPTIMIZERS[name], batches, functional.mse_loss)


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("name", ["SGD with momentum", "AdamW"])
def test_same_bits_with_dropout_and_batch_norm(name: str, dtype: torch.dtype) -> None:
    model = network(dropout=0.4, norm=True, dtype=dtype)
    compare(
        plain_loop, model, OPTIMIZERS[name], some_batches(12, dtype=dtype), functional.huber_loss
    )


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("name", LBFGS)
def test_same_bits_with_a_closure(name: str, dtype: torch.dtype) -> None:
    batches = some_batches(8, rows=9, dtype=dtype)
    compare(closure_loop, network(dtype=dtype), LBFGS[name], batches, functional.mse_loss)


@pytest.mark.parametrize("name", LBFGS)
def test_closure_draws_as_many_random_numbers(name: str) -> None:
    model = network(dropout=0.3, norm=True)
    compare(closure_loop, model, LBFGS[name], some_batches(6, rows=9), functional.mse_loss)


@pytest.mark.parametrize("name", LBFGS)
def test_closure_runs_the_model_as_often(name: str) -> None:
    def calls(loop: Callable[..., None], twin: tuple[nn.Module, Any]) -> int:
        counted: list[Any] = []
        twin[0].register_forward_hook(lambda *_: counted.append(None))
        loop(twin[0], functional.mse_loss, twin[1], some_batches(4))
        return len(counted)

    theirs, ours = twins(network(), LBFGS[name])
    by_hand = calls(closure_loop, theirs)
    assert calls(lambda *four: consume(train(*four)), ours) == by_hand >= 4


def test_same_bits_with_several_parameter_groups_and_frozen_ones() -> None:
    model = network()
    model[0].bias.requires_grad_(False)  # pyright: ignore

    def make(parameters: Any) -> torch.optim.Optimizer:
        first, *rest = list(parameters)
        return torch.optim.Adam([{"params": [first], "lr": 0.1}, {"params": rest}], lr=0.01)

    compare(plain_loop, model, make, some_batches(9), functional.l1_loss)


def test_a_parameter_that_takes_no_part_keeps_its_none() -> None:
    class HalfUsed(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.used, self.idle = nn.Linear(3, 2), nn.Linear(3, 2)

        def forward(self, inputs: torch.Tensor) -> torch.Tensor:
            return self.used(inputs)

    model = HalfUsed()
    consume(train(model, functional.mse_loss, sgd(model.parameters()), some_batches(2)))
    assert model.idle.weight.grad is None
    compare(plain_loop, HalfUsed(), sgd, some_batches(5), functional.mse_loss)


def test_learning_rate_scheduler_works_in_the_loop() -> None:
    theirs, ours = twins(network(), LBFGS["LBFGS"])
    schedules = [torch.optim.lr_scheduler.ExponentialLR(o, 0.7) for _, o in (theirs, ours)]
    for batch in some_batches(5):
        closure_loop(theirs[0], functional.mse_loss, theirs[1], [batch])
        schedules[0].step()
    for moment in train(ours[0], functional.mse_loss, ours[1], some_batches(5)):
        if moment.step is Step.UPDATE:
            schedules[1].step()
    assert_same_training(theirs, ours)


def test_modes_are_left_as_they_are() -> None:
    model = network(dropout=0.5, norm=True)
    model[1].eval()  # pyright: ignore
    before = [module.training for module in model.modules()]
    consume(train(model, functional.mse_loss, sgd(model.parameters()), some_batches(2)))
    assert [module.training for module in model.modules()] == before


# --- Five moments -----------------------------------------------------------------------------


def test_five_moments_for_each_batch_in_order() -> None:
    model, batches = network(), some_batches(3)
    moments = list(train(model, functional.mse_loss, sgd(model.parameters()), batches))
    assert [m.step for m in moments] == FIVE * 3
    assert [m.iteration for m in moments] == [n for n in (1, 2, 3) for _ in FIVE]
    assert [step.value for step in Step] == ["forward", "loss", "zero_grad", "backward", "update"]
    assert [m.loss is None for m in moments] == [True, False, False, False, False] * 3
    for moment in moments:
        inputs, targets = batches[moment.iteration - 1]
        assert moment.inputs is inputs
        assert moment.targets is targets


def test_each_moment_comes_just_after_its_step() -> None:
    model = network()
    optimizer = sgd(model.parameters())
    weight, seen = model[0].weight, []  # pyright: ignore
    before = weight.detach().clone()
    consume(
        train(model, functional.mse_loss, optimizer, some_batches(1))
    )  # leaves gradients behind
    for moment in train(model, functional.mse_loss, optimizer, some_batches(1)):
        seen.append(
            (moment.loss is not None, weight.grad is not None, bool((weight == before).all()))
        )
        before = weight.detach().clone()
    has_loss, has_gradient, unchanged = zip(*seen, strict=True)
    assert has_loss == (False, True, True, True, True)
    assert has_gradient == (True, True, False, True, True)
    assert unchanged == (False, True, True, True, False)


def test_prediction_and_loss_are_the_live_ones() -> None:
    model = network()
    moments = list(train(model, functional.mse_loss, sgd(model.parameters()), some_batches(1)))
    assert len({id(m.prediction) for m in moments}) == 1
    assert len({id(m.loss) for m in moments[1:]}) == 1
    assert_same(functional.mse_loss(moments[0].prediction, moments[0].targets), moments[1].loss)
    assert moments[1].loss.grad_fn is not None


def test_moments_are_fresh_and_cannot_be_assigned() -> None:
    model = network()
    moments = list(train(model, functional.mse_loss, sgd(model.parameters()), some_batches(4)))
    assert len({id(m) for m in moments}) == 20
    assert all(type(m) is Moment for m in moments)
    with pytest.raises(AttributeError):
        moments[0].step = Step.UPDATE  # pyright: ignore
    with pytest.raises(TypeError):
        moments[0][0] = Step.UPDATE  # pyright: ignore


def test_no_batches_no_moments() -> None:
    model = network()
    assert list(train(model, functional.mse_loss, sgd(model.parameters()), [])) == []


# --- Laziness ---------------------------------------------------------------------------------


def untouchable(*_: Any) -> Any:
    raise AssertionError("called before it was asked for")


def test_nothing_happens_before_the_first_next() -> None:
    def batches() -> Iterator[Batch]:
        untouchable()
        yield 0, 0

    class Optimizer:
        step = zero_grad = untouchable

    moments = train(untouchable, untouchable, Optimizer(), batches())
    with pytest.raises(AssertionError, match="before it was asked for"):
        next(moments)


def test_each_step_waits_for_its_next() -> None:
    done: list[str] = []
    model = network()
    optimizer = sgd(model.parameters())
    model.register_forward_hook(lambda *_: done.append("forward"))
    model[0].weight.register_hook(lambda _: done.append("backward"))  # pyright: ignore
    optimizer.register_step_post_hook(lambda *_: done.append("update"))  # pyright: ignore

    def loss_fn(prediction: Any, targets: Any) -> Any:
        done.append("loss")
        return functional.mse_loss(prediction, targets)

    def batches() -> Iterator[Batch]:
        for batch in some_batches(2):
            done.append("batch")
            yield batch

    moments = train(model, loss_fn, optimizer, batches())
    expected = [["batch", "forward"], ["loss"], [], ["backward"], ["update"]]
    for new in expected * 2:
        done.clear()
        next(moments)
        assert done == new


def test_a_stopped_iterator_can_be_read_on() -> None:
    model, rest = network(), iter(some_batches(5))
    for moment in train(model, functional.mse_loss, sgd(model.parameters()), rest):
        if moment.iteration == 2:
            break
    assert len(list(rest)) == 3


# --- Leaving the loop -------------------------------------------------------------------------


@pytest.mark.parametrize("make", [OPTIMIZERS["AdamW"], LBFGS["LBFGS"]], ids=["AdamW", "LBFGS"])
@pytest.mark.parametrize("step", FIVE, ids=lambda step: step.value)
def test_break_before_update_is_as_if_the_iteration_had_not_been(step: Step, make: Any) -> None:
    loop = closure_loop if make is LBFGS["LBFGS"] else plain_loop
    batches = some_batches(6)
    theirs, ours = twins(network(), make)
    loop(theirs[0], functional.mse_loss, theirs[1], batches)
    for moment in train(ours[0], functional.mse_loss, ours[1], batches):
        if moment.iteration == 3 and moment.step is step:
            break
    left = batches[3:] if step is Step.UPDATE else batches[2:]
    consume(train(ours[0], functional.mse_loss, ours[1], left))
    assert_same_training(theirs, ours)


@pytest.mark.parametrize("step", FIVE, ids=lambda step: step.value)
def test_a_forward_that_ran_has_left_its_marks_in_batch_norm(step: Step) -> None:
    model = network(norm=True)
    for moment in train(model, functional.mse_loss, sgd(model.parameters()), some_batches(2)):
        if moment.step is step:
            break
    assert int(model[1].num_batches_tracked) == 1  # pyright: ignore


@pytest.mark.parametrize("step", FIVE, ids=lambda step: step.value)
def test_weights_move_in_update_only(step: Step) -> None:
    theirs, ours = twins(network(), sgd)
    for moment in train(ours[0], functional.mse_loss, ours[1], some_batches(1)):
        if moment.step is step:
            break
    moved = not torch.equal(theirs[0][0].weight, ours[0][0].weight)  # pyright: ignore
    assert moved == (step is Step.UPDATE)


class InterruptionError(Exception):
    """What the tests throw."""


def interrupt(*_: Any) -> Any:
    raise InterruptionError


def interrupting(place: str, model: nn.Module, optimizer: Any) -> tuple[Any, ...]:
    """The four arguments of ``train``, one of which raises in its third iteration."""
    calls = {"model": 0, "loss": 0, "update": 0}

    def third(name: str, result: Any) -> Any:
        calls[name] += 1
        return interrupt() if place == name and calls[name] == 3 else result

    def batches() -> Iterator[Batch]:
        yield from some_batches(2)
        if place == "batches":
            interrupt()
        yield some_batches(3)[2]

    def backward(prediction: torch.Tensor) -> torch.Tensor:
        if place == "backward" and calls["model"] == 3:
            prediction.register_hook(interrupt)
        return prediction

    optimizer.register_step_pre_hook(lambda *_: third("update", None))
    return (
        lambda inputs: backward(third("model", model(inputs))),
        lambda prediction, targets: third("loss", functional.mse_loss(prediction, targets)),
        optimizer,
        batches(),
    )


@pytest.mark.parametrize("place", ["batches", "model", "loss", "backward", "update", "consumer"])
def test_an_exception_passes_through_and_training_goes_on(place: str) -> None:
    theirs, ours = twins(network(), sgd)
    plain_loop(theirs[0], functional.mse_loss, theirs[1], some_batches(3))
    moments = train(*interrupting(place, *ours))

    def consumer(moments: Iterator[Moment]) -> None:
        for moment in moments:
            if place == "consumer" and moment[:2] == (Step.BACKWARD, 3):
                interrupt()

    with pytest.raises(InterruptionError):
        consumer(moments)
    if place != "consumer":  # there the generator is only paused, and could go on
        assert next(moments, None) is None
    del moments
    consume(train(ours[0], functional.mse_loss, ours[1], some_batches(3)[2:]))
    assert_same_training(theirs, ours)


def test_the_generator_is_still_paused_after_the_consumer_failed() -> None:
    theirs, ours = twins(network(), sgd)
    plain_loop(theirs[0], functional.mse_loss, theirs[1], some_batches(3))
    moments = train(ours[0], functional.mse_loss, ours[1], some_batches(3))
    with pytest.raises(InterruptionError):
        interrupt(next(moments))
    consume(moments)
    assert_same_training(theirs, ours)


@pytest.mark.parametrize("pauses", range(12))
def test_close_at_any_pause(pauses: int) -> None:
    model = network()
    moments = train(model, functional.mse_loss, sgd(model.parameters()), some_batches(2))
    seen = list(islice(moments, pauses))
    moments.close()  # pyright: ignore
    assert len(seen) == min(pauses, 10)
    assert next(moments, None) is None
    moments.close()  # pyright: ignore  # twice does no harm


# --- Nothing is kept --------------------------------------------------------------------------


class Sentinel:
    """Something to refer to weakly."""


@pytest.fixture
def no_collector() -> Iterator[None]:
    """Without the cycle collector only what nobody refers to goes away."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


@pytest.mark.usefixtures("no_collector")
@pytest.mark.parametrize("make", [sgd, LBFGS["LBFGS"]], ids=["SGD", "LBFGS"])
@pytest.mark.parametrize("step", FIVE, ids=lambda step: step.value)
def test_no_graph_survives_the_close(step: Step, make: Any) -> None:
    model = network()
    moments = train(model, functional.mse_loss, make(model.parameters()), some_batches(3))
    moment = next(m for m in moments if m.iteration == 2 and m.step is step)
    held = [value for value in (moment.prediction, moment.loss) if value is not None]
    # A node of the graph cannot be referred to weakly, but what hangs on it lives as long.
    held += [value.grad_fn.metadata.setdefault("sentinel", Sentinel()) for value in held]
    references = [weakref.ref(value) for value in held]
    moments.close()  # pyright: ignore
    del held
    assert all(reference() is not None for reference in references)  # the moment holds them
    del moment
    assert [reference() for reference in references] == [None] * len(references)


@pytest.mark.usefixtures("no_collector")
def test_moments_that_are_not_kept_keep_no_graph() -> None:
    model = network()
    predictions: list[weakref.ref[Any]] = []
    losses: list[weakref.ref[Any]] = []
    for moment in train(model, functional.mse_loss, sgd(model.parameters()), some_batches(6)):
        if moment.step is Step.FORWARD:
            predictions.append(weakref.ref(moment.prediction))
        if moment.step is Step.LOSS:
            losses.append(weakref.ref(moment.loss))
        assert sum(reference() is not None for reference in predictions) == 1
        # The loss of the iteration before is let go when this one's is known, as by hand.
        assert sum(reference() is not None for reference in losses) <= 1


# --- Whatever the model and the inputs are ------------------------------------------------------


class Two(nn.Module):
    """Two inputs, one output; the subclasses differ only in how they take the two."""

    def __init__(self) -> None:
        super().__init__()
        self.left, self.right = nn.Linear(3, 2), nn.Linear(4, 2)

    def both(self, a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
        return self.left(a) * torch.tanh(self.right(b))


class Positional(Two):
    def forward(self, a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
        return self.both(a, b)


class Pair(Two):
    def forward(self, pair: tuple[torch.Tensor, torch.Tensor]) -> torch.Tensor:
        return self.both(*pair)


class Keywords(Two):
    def forward(self, *, a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
        return self.both(a, b)


class Whole(Two):
    def forward(self, batch: dict[str, torch.Tensor]) -> torch.Tensor:
        return self.both(batch["a"], batch["b"])


class Wrapper(nn.Module):
    """Takes anything and hands it on, as DataParallel and DDP do."""

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.module = module

    def forward(self, *inputs: Any, **kwargs: Any) -> Any:
        return self.module(*inputs, **kwargs)


class AB(dict[str, torch.Tensor]):
    """Some library's own kind of dict."""


def as_tuple(a: Any, b: Any) -> Any:
    return a, b


def as_list(a: Any, b: Any) -> Any:
    return [a, b]


def as_dict(a: Any, b: Any) -> Any:
    return {"b": b, "a": a}


def as_dict_of_another_kind(a: Any, b: Any) -> Any:
    return AB(b=b, a=a)


FORMS: dict[str, tuple[Any, Any, Any]] = {
    "a tuple for forward(a, b)": (Positional, as_tuple, lambda m, i: m(*i)),
    "a tuple for forward(pair)": (Pair, as_tuple, lambda m, i: m(i)),
    "a list for forward(pair)": (Pair, as_list, lambda m, i: m(i)),
    "a dict for forward(*, a, b)": (Keywords, as_dict, lambda m, i: m(**i)),
    "a dict for forward(a, b)": (Positional, as_dict, lambda m, i: m(**i)),
    "a dict for forward(batch)": (Whole, as_dict, lambda m, i: m(i)),
    "a dict's heir for forward(*, a, b)": (
        Keywords,
        as_dict_of_another_kind,
        lambda m, i: m(**i),
    ),
    "a dict's heir for forward(batch)": (Whole, as_dict_of_another_kind, lambda m, i: m(i)),
}
WRAPPERS: dict[str, Callable[[nn.Module], Any]] = {
    "bare": lambda model: model,
    "wrapped": Wrapper,
    "wrapped twice": lambda model: Wrapper(Wrapper(model)),
    "DataParallel": nn.DataParallel,
    "compiled": lambda model: torch.compile(model, backend="eager"),
    "compiled, then wrapped": lambda model: Wrapper(
        torch.compile(model, backend="eager")  # pyright: ignore
    ),
}


@pytest.mark.parametrize("wrapper", WRAPPERS)
@pytest.mark.parametrize("form", FORMS)
def test_inputs_of_any_form_reach_any_model(form: str, wrapper: str) -> None:
    if wrapper.startswith("compiled"):
        torch.compiler.reset()
    kind, pack, call = FORMS[form]
    batches = [(pack(torch.randn(5, 3), torch.randn(5, 4)), torch.randn(5, 2)) for _ in range(4)]
    theirs, ours = twins(kind(), sgd)
    plain_loop(partial(call, theirs[0]), functional.mse_loss, theirs[1], batches)
    consume(train(WRAPPERS[wrapper](ours[0]), functional.mse_loss, ours[1], batches))
    assert_same_training(theirs, ours)


def test_a_packed_sequence_is_one_input() -> None:
    class Reader(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.gru = nn.GRU(3, 2, batch_first=True)

        def forward(self, sequence: Any) -> torch.Tensor:
            return self.gru(sequence)[1][0]

    pack = partial(nn.utils.rnn.pack_padded_sequence, batch_first=True, enforce_sorted=False)
    lengths = torch.tensor([2, 4, 3, 1, 4])
    batches = [(pack(torch.randn(5, 4, 3), lengths), torch.randn(5, 2)) for _ in range(4)]
    compare(plain_loop, Reader(), sgd, batches, functional.mse_loss)


def test_targets_of_any_form_reach_the_loss() -> None:
    def loss_fn(prediction: Any, targets: Any) -> Any:
        return functional.mse_loss(prediction, targets["near"]) + functional.l1_loss(
            prediction, targets["far"][0]
        )

    batches = [
        (torch.randn(5, 3), {"near": torch.randn(5, 2), "far": (torch.randn(5, 2),)})
        for _ in range(4)
    ]
    compare(plain_loop, network(), sgd, batches, loss_fn)


def test_a_prediction_of_any_form_reaches_the_loss() -> None:
    class Twofold(nn.Linear):
        def forward(self, rows: torch.Tensor) -> Any:  # pyright: ignore
            return {"mean": super().forward(rows), "all": (rows,)}

    def loss_fn(prediction: Any, targets: Any) -> Any:
        return functional.mse_loss(prediction["mean"], targets)

    compare(plain_loop, Twofold(3, 2), sgd, some_batches(4), loss_fn)


def test_any_callable_is_a_model() -> None:
    w, b = torch.zeros(1, requires_grad=True), torch.zeros(1, requires_grad=True)
    x = torch.linspace(-1, 1, 100)
    batches = [(x, 2 * x + 1)] * 200
    consume(
        train(lambda x: w * x + b, functional.mse_loss, torch.optim.SGD([w, b], lr=0.3), batches)
    )
    torch.testing.assert_close(torch.cat([w, b]), torch.tensor([2.0, 1.0]))


@pytest.mark.parametrize("kind", [tuple, list])
def test_a_batch_may_be_a_tuple_or_a_list(kind: Any) -> None:
    theirs, ours = twins(network(), sgd)
    plain_loop(theirs[0], functional.mse_loss, theirs[1], some_batches(3))
    consume(train(ours[0], functional.mse_loss, ours[1], map(kind, some_batches(3))))
    assert_same_training(theirs, ours)


def test_a_data_loader_is_an_iterable_of_batches() -> None:
    data = torch.utils.data.TensorDataset(torch.randn(10, 3), torch.randn(10, 2))
    loader = torch.utils.data.DataLoader(data, batch_size=4)
    compare(plain_loop, network(), sgd, loader, functional.mse_loss)  # pyright: ignore


# --- Errors -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("batch", "words"),
    [
        (torch.zeros(2, 3), "batch 2 is a Tensor of shape (2, 3), and a pair"),
        ((1, 2, 3), "batch 2 is a tuple of 3, and a pair"),
        ({"x": 1, "y": 2}, "batch 2 is a dict of 2, and a pair"),
        (None, "batch 2 is None, and a pair"),
        ([torch.zeros(1)], "batch 2 is a list of 1, and a pair"),
        ("ab", "batch 2 is of type str, and a pair"),
        (7, "batch 2 is of type int, and a pair"),
    ],
    ids=["tensor of two rows", "triple", "dict", "None", "single", "text", "number"],
)
def test_a_batch_that_is_no_pair(batch: Any, words: str) -> None:
    theirs, ours = twins(network(), sgd)
    plain_loop(theirs[0], functional.mse_loss, theirs[1], some_batches(1))
    with pytest.raises(TypeError) as caught:
        consume(train(ours[0], functional.mse_loss, ours[1], [some_batches(1)[0], batch]))
    assert words in str(caught.value)
    assert "(inputs, targets) was expected\n  do: make the data set return" in str(caught.value)
    assert_same_training(theirs, ours)
