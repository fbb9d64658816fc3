"""Every guarantee holds on sound trainings of every kind, and each fails on a planted violation."""

from __future__ import annotations

import copy
import functools
import itertools
import json
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.data import DataLoader, TensorDataset

import fivestep.proofs.accumulated_is_whole as accumulation
import fivestep.proofs.evaluation_any_batch_size as evaluation
import fivestep.proofs.fit_is_the_plain_loop as plain
import fivestep.proofs.modes_put_back as put_back
import fivestep.proofs.validation_leaves_no_trace as validation
from fivestep.proofs import NAMES
from fivestep.proofs.bench.rows import collect, row, uneven
from fivestep.proofs.bench.state import captured, first_change
from fivestep.proofs.bench.trial import copied
from fivestep.prove import Proof, prove

Setup = tuple[Any, Any, Any, Any, dict[str, Any]]
NORMED = {"accumulated-is-whole", "samples-apart"}  # what BatchNorm makes untrue by nature


def points(count: int = 40, features: int = 3, kind: torch.dtype = torch.float32) -> Any:
    generator = torch.Generator().manual_seed(1)
    x = torch.randn(count, features, generator=generator).to(kind)
    return x, (x.sum(1, keepdim=True) * 0.5 + 1).to(kind)


def classes(count: int = 40, features: int = 6, of: int = 4) -> Any:
    generator = torch.Generator().manual_seed(1)
    x = torch.randn(count, features, generator=generator)
    return x, torch.randint(0, of, (count,), generator=generator)


def texts(count: int = 24, length: int = 7) -> Any:
    generator = torch.Generator().manual_seed(1)
    tokens = torch.randint(0, 11, (count, length + 1), generator=generator)
    targets = tokens[:, 1:].clone()
    targets[torch.rand(targets.shape, generator=generator) < 0.4] = -100
    return tokens[:, :-1], targets


def mlp(*, norm: bool = False, dropout: float = 0.0) -> nn.Sequential:
    middle: list[nn.Module] = [nn.BatchNorm1d(8)] if norm else []
    return nn.Sequential(nn.Linear(6, 8), *middle, nn.ReLU(), nn.Dropout(dropout), nn.Linear(8, 4))


class Language(nn.Module):
    """Tokens (N, T) in, scores (N, 11, T) out; dropout in attention, too."""

    def __init__(self) -> None:
        super().__init__()
        self.tokens, self.places = nn.Embedding(11, 8), nn.Embedding(7, 8)
        layer = nn.TransformerEncoderLayer(8, 2, 16, 0.1, batch_first=True)
        self.layers, self.scores = nn.TransformerEncoder(layer, 1), nn.Linear(8, 11)

    def forward(self, text: Tensor) -> Tensor:
        mask = nn.Transformer.generate_square_subsequent_mask(text.shape[1])
        hidden = self.tokens(text) + self.places.weight[: text.shape[1]]
        return self.scores(self.layers(hidden, mask, is_causal=True)).transpose(1, 2)


def sgd(model: Any, **options: Any) -> Any:
    return torch.optim.SGD(model.parameters(), lr=0.05, **options)


def adam(model: Any) -> Any:
    return torch.optim.Adam(model.parameters(), lr=3e-3)


def line() -> Setup:
    model = nn.Linear(3, 1)
    return model, nn.MSELoss(), sgd(model), points(), {}


def digits() -> Setup:
    model = mlp(norm=True, dropout=0.3)
    return model, nn.CrossEntropyLoss(), adam(model), classes(), {"batch_size": 8}


def language() -> Setup:
    model = Language()
    return model, nn.CrossEntropyLoss(), torch.optim.AdamW(model.parameters()), texts(), {}


def convolutions() -> Setup:
    model = nn.Sequential(
        nn.Conv2d(1, 4, 3), nn.GroupNorm(2, 4), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(),
        nn.Linear(4, 3),
    )  # fmt: skip
    data = torch.randn(20, 1, 6, 6), torch.randint(0, 3, (20,))
    return model, nn.CrossEntropyLoss(), sgd(model, momentum=0.9), data, {}


def class_weights() -> Setup:
    model = mlp()
    loss = nn.CrossEntropyLoss(weight=torch.tensor([1.0, 5.0, 0.1, 2.0]))
    return model, loss, adam(model), classes(), {}


def summed() -> Setup:
    model = nn.Linear(3, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-3)
    return model, nn.MSELoss(reduction="sum"), optimizer, points(), {}


def whole_batches() -> Setup:
    def forward(model: Any, batch: Any) -> Any:
        return model(batch["x"])

    def loss(prediction: Tensor, batch: Any) -> Any:
        found = functional.cross_entropy(prediction, batch["y"])
        return {"loss": found, "worst": prediction.detach().max()}

    x, y = classes()
    made = [
        {"x": a, "y": b, "id": list("abcde")} for a, b in zip(x.split(5), y.split(5), strict=True)
    ]
    model = mlp()
    return model, loss, sgd(model), made, {"forward": forward}


def double() -> Setup:
    model = nn.Linear(3, 1).double()
    return model, nn.MSELoss(), sgd(model), points(kind=torch.float64), {}


def brain_floats() -> Setup:
    model = nn.Sequential(nn.Linear(3, 8), nn.GELU(), nn.Linear(8, 1)).bfloat16()
    return model, nn.MSELoss(), sgd(model), points(kind=torch.bfloat16), {}


def quasi_newton() -> Setup:
    model = nn.Linear(3, 1)
    return model, nn.MSELoss(), torch.optim.LBFGS(model.parameters(), max_iter=3), points(), {}


def groups() -> Setup:
    model = mlp(dropout=0.2)
    parts = [{"params": model[0].parameters(), "lr": 1e-3, "weight_decay": 0.1}]
    parts.append({"params": model[-1].parameters(), "lr": 1e-2})
    return model, nn.CrossEntropyLoss(), torch.optim.AdamW(parts), classes(), {}


def masked() -> Setup:
    """A mean over what a mask leaves, of which only ``items`` can tell."""

    def loss(prediction: Tensor, targets: Tensor) -> Tensor:
        kept = targets > 0.5
        return functional.mse_loss(prediction[kept], targets[kept])

    def items(batch: Any) -> Any:
        return (batch[1] > 0.5).sum()

    model = nn.Linear(3, 1)
    return model, loss, sgd(model), points(), {"items": items}


def loader() -> Setup:
    x, y = classes()
    generator = torch.Generator().manual_seed(3)
    made = DataLoader(TensorDataset(x, y), batch_size=7, shuffle=True, generator=generator)
    model = mlp()
    return model, nn.CrossEntropyLoss(label_smoothing=0.1), adam(model), made, {}


def frozen_norm() -> Setup:
    model = mlp(norm=True)
    model[1].eval()
    return model, nn.CrossEntropyLoss(), adam(model), classes(), {}


def recurrent() -> Setup:
    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.cells, self.out = nn.LSTM(3, 5, 2, batch_first=True, dropout=0.5), nn.Linear(5, 2)

        def forward(self, x: Tensor) -> Tensor:
            return self.out(self.cells(x)[0][:, -1])

    model = Net()
    data = torch.randn(24, 6, 3), torch.randint(0, 2, (24,))
    return model, functools.partial(functional.cross_entropy), sgd(model), data, {}


class Upcast(nn.Linear):
    """Casts on its way, as norms and logits of language models do."""

    def forward(self, x: Tensor) -> Tensor:  # pyright: ignore
        return super().forward(x).float() / 3


def upcast() -> Setup:
    model = nn.Sequential(nn.Linear(3, 8), Upcast(8, 1))
    return model, nn.MSELoss(), sgd(model), points(), {}


class Functional(nn.Module):
    """Dropout as a function, in attention and after it, over a norm that casts."""

    def __init__(self) -> None:
        super().__init__()
        self.tokens, self.split = nn.Embedding(11, 8), nn.Linear(8, 24, bias=False)
        self.scores = nn.Linear(8, 11, bias=False)
        self.scores.weight = self.tokens.weight

    def forward(self, text: Tensor) -> Tensor:
        hidden = self.tokens(text).float()
        hidden = hidden * torch.rsqrt(hidden.pow(2).mean(-1, keepdim=True) + 1e-6)
        q, k, v = self.split(hidden).unsqueeze(1).split(8, -1)
        share = 0.2 if self.training else 0.0
        mixed = functional.scaled_dot_product_attention(q, k, v, is_causal=True, dropout_p=share)
        hidden = functional.dropout(mixed.squeeze(1), 0.1, self.training)
        return self.scores(hidden).transpose(1, 2)


def functional_dropout() -> Setup:
    model = Functional()
    return model, nn.CrossEntropyLoss(), torch.optim.AdamW(model.parameters()), texts(), {}


def at_the_minimum() -> Setup:
    """Nothing but rounding is left of the gradient."""
    x = torch.randn(40, 64, dtype=torch.float64)
    model = nn.Linear(64, 1).double()
    with torch.no_grad():
        y = model(x.flip(0)).flip(0)
    return model, nn.MSELoss(), sgd(model), (x, y + 1e-16 * torch.randn_like(y)), {}


SOUND: list[Callable[[], Setup]] = [
    line, digits, language, convolutions, class_weights, summed, whole_batches, double,
    brain_floats, quasi_newton, groups, masked, loader, frozen_norm, recurrent, upcast,
    at_the_minimum, functional_dropout,
]  # fmt: skip


def run(setup: Setup, **options: Any) -> Proof:
    model, loss_fn, optimizer, data, own = setup
    return prove(model, loss_fn, optimizer, data, **own, **options)


def verdicts(proof: Proof) -> dict[str, str]:
    return {row.name: row.verdict.value for row in proof.rows}


@pytest.mark.parametrize("make", SOUND, ids=lambda make: make.__name__)
def test_all_hold_on_a_sound_training(make: Callable[[], Setup]) -> None:
    proof = run(make())
    untrue = {"digits": NORMED, "quasi_newton": {"accumulated-is-whole"}}.get(make.__name__, set())
    assert verdicts(proof) == {
        name: "not applicable" if name in untrue else "holds" for name in NAMES
    } | {"resumed-is-uninterrupted": "not proved"}, str(proof)  # it takes a file
    assert proof.holds
    assert proof.code == 0
    still = any("in eval mode" in note for row in proof.rows for note in row.shown.notes)
    assert still is (make is functional_dropout)  # else switching dropout off is enough


def test_a_term_that_is_no_mean_is_told_and_not_judged() -> None:
    (row_,) = run(whole_batches(), only="evaluation-any-batch-size").rows
    assert row_.shown.notes == ("worst is no mean over samples, so it differs with the batch size",)


def test_batch_norm_is_named_with_its_deviation() -> None:
    proof = run(digits())
    for name in NORMED:
        shown = proof[name].shown
        assert "1 (BatchNorm1d)" in shown.cause
        frozen, train = shown.measures[0], shown.measures[-1]
        assert frozen.relative < 1e-12 < 1e-3 < train.relative
        assert "train mode" in train.what


# --- Planted violations -------------------------------------------------------------------------


def seen(setup: Setup, name: str, *words: str) -> None:
    """The guarantee fails, and says why in these words."""
    proof = run(setup, only=name)
    (row,) = proof.rows
    said = f"{row.shown.cause}\n{row.shown.do}"
    assert row.verdict.value == "fails", str(proof)
    assert not proof.holds
    assert proof.code == 1
    for word in words:
        assert word in said, said
    assert "".join(row.shown.cause.split()) in "".join(str(proof).split())


def with_loss(loss_fn: Any) -> Setup:
    model = nn.Linear(3, 1)
    return model, loss_fn, sgd(model), points(), {}


def with_model(model: nn.Module, data: Any = None) -> Setup:
    return model, nn.MSELoss(), sgd(model), data or points(), {}


def over_32(prediction: Tensor, targets: Tensor) -> Tensor:
    return (prediction - targets).square().sum() / 32


def a_sum(prediction: Tensor, targets: Tensor) -> Tensor:
    return (prediction - targets).square().sum()


def a_root(prediction: Tensor, targets: Tensor) -> Tensor:
    return (prediction - targets).square().mean().sqrt()


def a_mask(prediction: Tensor, targets: Tensor) -> Tensor:
    return (prediction - targets)[targets > 1].square().mean()


@pytest.mark.parametrize("name", ["accumulated-is-whole", "evaluation-any-batch-size"])
@pytest.mark.parametrize(
    ("loss", "word"),
    [
        (over_32, "divided by a constant"),
        (a_sum, "adds up over its samples"),
        (a_root, "not the mean of its samples' losses"),
        (a_mask, "items=lambda batch"),
    ],
)
def test_a_loss_that_is_no_mean_over_samples(name: str, loss: Any, word: str) -> None:
    seen(with_loss(loss), name, word)


class Layer(nn.Module):
    """A line with something done to what goes in."""

    def __init__(self, change: Callable[[Tensor], Tensor] = lambda x: x) -> None:
        super().__init__()
        self.line, self.change = nn.Linear(3, 1), change

    def forward(self, x: Tensor) -> Tensor:
        return self.line(self.change(x))


class Centred(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x - x.mean(0)


@pytest.mark.parametrize("name", ["accumulated-is-whole", "samples-apart"])
def test_a_module_that_mixes_the_samples_is_named(name: str) -> None:
    seen(with_model(nn.Sequential(Centred(), nn.Linear(3, 1))), name, "0 (Centred)")


@pytest.mark.parametrize("probe", [0.0, 1e-7], ids=["whole", "a little"])
def test_samples_mixed_by_a_view(probe: float) -> None:
    def wrong(x: Tensor) -> Tensor:
        mixed = x.t().reshape(x.shape)
        return mixed if not probe else x + probe * mixed

    seen(with_model(Layer(wrong)), "samples-apart", "forward of Layer", "permute")


def test_tokens_mixed_by_attention_over_the_batch() -> None:
    class Mixed(Language):
        def forward(self, text: Tensor) -> Tensor:
            hidden = self.tokens(text)
            return self.scores(self.attention(hidden, hidden, hidden)[0]).transpose(1, 2)

        def __init__(self) -> None:
            super().__init__()
            self.attention = nn.MultiheadAttention(8, 2)  # batch_first was forgotten

    model = Mixed()
    setup = model, nn.CrossEntropyLoss(), adam(model), texts(), {}
    seen(setup, "samples-apart", "attention (MultiheadAttention)")


class Counting(nn.Module):
    """Grows with every call, in eval mode too."""

    def __init__(self, *, buffer: bool) -> None:
        super().__init__()
        self.line = nn.Linear(3, 1)
        self.calls: Any = 0
        if buffer:
            del self.calls
            self.register_buffer("calls", torch.zeros(()))

    def forward(self, x: Tensor) -> Tensor:
        self.calls = self.calls + 1
        return self.line(x) * (1 + 0.01 * self.calls)


class Drawing(nn.Module):
    """Adds noise from a generator of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.line, self.noise = nn.Linear(3, 1), np.random.default_rng(0)

    def forward(self, x: Tensor) -> Tensor:
        return self.line(x) + float(self.noise.normal())


@pytest.mark.parametrize(
    ("model", "word"),
    [
        (lambda: Counting(buffer=True), "calls"),
        (lambda: Counting(buffer=False), "Counting.calls"),
        (Drawing, "Drawing.noise"),
    ],
    ids=["buffer", "counter", "generator"],
)
def test_a_validation_that_leaves_a_trace(model: Any, word: str) -> None:
    seen(with_model(model()), "validation-leaves-no-trace", word, "self.training")


@pytest.mark.parametrize(
    "wrong",
    ["draws", "gradients", "modes", "weights"],
)
def test_an_evaluation_that_is_wrong_itself(wrong: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def evaluate(model: Any, loss_fn: Any, data: Any, **options: Any) -> dict[str, float]:
        if wrong == "draws":
            random.random()
        elif wrong == "gradients":
            next(model.parameters()).grad.zero_()
        elif wrong == "modes":
            model[1].train()
        else:
            next(model.parameters()).data.mul_(1 + 1e-7)
        return {"loss": 0.0}

    model = mlp(norm=True, dropout=0.5)
    model[1].eval()
    monkeypatch.setattr(validation, "evaluate", evaluate)
    proof = run((model, nn.CrossEntropyLoss(), adam(model), classes(), {}), only=NAMES[2])
    part = {"draws": "random numbers"}.get(wrong, wrong)
    assert proof.rows[0].shown.measures[0].what.startswith(part)
    assert not proof.holds


def test_an_evaluation_with_equal_weights_for_unequal_batches(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def evaluate(model: Any, loss_fn: Any, data: Any, **options: Any) -> dict[str, float]:
        losses = [loss_fn(model(x), y) for x, y in data]
        return {"loss": float(sum(losses)) / len(losses)}

    monkeypatch.setattr(evaluation, "evaluate", torch.no_grad()(evaluate))
    assert not run(line(), only="evaluation-any-batch-size").holds


def test_a_fit_that_weighs_micro_batches_equally(monkeypatch: pytest.MonkeyPatch) -> None:
    def fit(model: Any, loss_fn: Any, optimizer: Any, data: Any, **options: Any) -> None:
        for x, y in data:
            (loss_fn(model(x), y) / len(data)).backward()
        optimizer.step()

    monkeypatch.setattr(accumulation, "fit", fit)
    assert not run(line(), only="accumulated-is-whole").holds


def test_a_fit_that_steps_twice_in_a_window(monkeypatch: pytest.MonkeyPatch) -> None:
    real: Any = accumulation.fit

    def fit(*args: Any, accumulate: int, **options: Any) -> None:
        real(*args, accumulate=accumulate - 1, **options)

    monkeypatch.setattr(accumulation, "fit", fit)
    assert not run(line(), only="accumulated-is-whole").holds


def test_an_optimizer_whose_step_depends_on_more_than_its_state(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    counted = itertools.count(1)

    class Odd(torch.optim.SGD):
        def step(self, closure: Any = None) -> Any:
            self.param_groups[0]["lr"] = 0.01 * next(counted)
            return super().step(closure)

    model = nn.Linear(3, 1)
    setup = model, nn.MSELoss(), Odd(model.parameters(), lr=0.1), points(), {}
    seen(setup, "accumulated-is-whole", "optimizer's step")


@pytest.mark.parametrize("wrong", ["rate", "order", "extra forward"])
def test_a_fit_that_is_not_the_plain_loop(wrong: str, monkeypatch: pytest.MonkeyPatch) -> None:
    real: Any = plain.fit

    def fit(model: Any, loss_fn: Any, optimizer: Any, data: Any, **options: Any) -> Any:
        if wrong == "rate":
            optimizer.param_groups[0]["lr"] *= 1 + 1e-6
        elif wrong == "order":
            data = list(data)[::-1]
        else:
            model(next(iter(data))[0])
        return real(model, loss_fn, optimizer, data, **options)

    monkeypatch.setattr(plain, "fit", fit)
    seen(digits(), "fit-is-the-plain-loop", "fit does not")


def test_a_global_counter_makes_no_two_runs_the_same() -> None:
    counted = itertools.count()

    class Odd(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return x * (1 + next(counted) % 7)

    setup = with_model(nn.Sequential(nn.Linear(3, 3), Odd(), nn.Linear(3, 1)))
    seen(setup, "same-seed-same-run", "1 (Odd)")
    proof = run(setup, only=["fit-is-the-plain-loop", "validation-leaves-no-trace"])
    assert verdicts(proof)["fit-is-the-plain-loop"] == "not applicable"


def test_a_loss_and_a_backward_that_differ_from_run_to_run() -> None:
    counted = itertools.count(1)

    def growing(prediction: Tensor, targets: Tensor) -> Tensor:
        return (prediction - targets).square().mean() * next(counted)

    seen(with_loss(growing), "same-seed-same-run", "the loss function")

    def wobbly(x: Tensor) -> Tensor:
        x = x * 1
        if x.requires_grad:
            x.register_hook(lambda gradient: gradient * next(counted))  # pyright: ignore
        return x

    model = nn.Sequential(nn.Linear(3, 3), Layer(wobbly))
    seen(with_model(model), "same-seed-same-run", "the backward, in the gradient of 0.")


@pytest.mark.parametrize("draw", [lambda: np.random.rand(), lambda: random.random()])
def test_a_forward_that_draws_has_nothing_to_accumulate(draw: Any) -> None:
    proof = run(with_model(Layer(lambda x: x * draw())))
    found = verdicts(proof)
    for name in ("accumulated-is-whole", "evaluation-any-batch-size", "samples-apart"):
        assert found[name] == "not applicable"
        assert "random" in proof[name].shown.cause
    assert found["same-seed-same-run"] == found["gradient-is-the-slope"] == "holds"


class Wrong(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:  # pyright: ignore
        return x.tanh()

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:  # pyright: ignore
        return gradient * 0.9


def hooked(x: Tensor) -> Tensor:
    if x.requires_grad:
        x.register_hook(lambda gradient: gradient * 1.001)  # pyright: ignore
    return x


def cut(x: Tensor) -> Tensor:
    return x.detach().tanh()


def straight_through(x: Tensor) -> Tensor:
    return x + (x.round() - x).detach()


def half(x: Tensor) -> Tensor:
    return x.tanh() * x.detach()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (Wrong.apply, ["autograd.Functions of the model's own: Wrong"]),
        (cut, ["backward gives 0", "detach"]),
        (straight_through, ["slope"]),
        (half, ["a part of its way", "detach"]),
        (hooked, ["register_hook"]),
    ],
)
def test_a_gradient_that_is_not_the_slope(change: Any, words: list[str]) -> None:
    model = nn.Sequential(nn.Linear(3, 3), Layer(change))
    seen(with_model(model), "gradient-is-the-slope", *words)


def test_a_kink_is_no_fault() -> None:
    """Samples that stand at the kink of ReLU: half a slope by differences, none by backward."""
    x, y = points()
    x[::2] = 0.0
    first = nn.Linear(3, 4)
    nn.init.zeros_(first.bias)
    model = nn.Sequential(first, nn.ReLU(), nn.Linear(4, 1))
    proof = run(with_model(model, (x, y)), only="gradient-is-the-slope")
    assert proof.holds
    assert "at a kink" in str(proof)
    model = nn.Sequential(first, nn.ReLU(), Layer(lambda x: hooked(x[:, :3])))
    seen(with_model(model, (x, y)), "gradient-is-the-slope", "a part of its way")


class Flipping(nn.Module):
    def __init__(self, mode: bool) -> None:
        super().__init__()
        self.line, self.drop, self.mode = nn.Linear(3, 1), nn.Dropout(0.1), mode

    def forward(self, x: Tensor) -> Tensor:
        self.drop.train(self.mode)
        return self.line(self.drop(x))


@pytest.mark.parametrize("mode", [True, False])
def test_a_forward_that_switches_modes(mode: bool) -> None:
    seen(with_model(Flipping(mode)), "modes-put-back", "own forward", "drop")


def test_an_evaluation_that_leaves_eval_mode_on(monkeypatch: pytest.MonkeyPatch) -> None:
    def evaluate(model: Any, *_: Any, **options: Any) -> None:
        model.train()  # and with it what was frozen

    monkeypatch.setattr(put_back, "evaluate", evaluate)
    assert not run(frozen_norm(), only="modes-put-back").holds


def test_what_fails_outright_is_not_called_shown() -> None:
    """A size that is written into the model, and squeeze on a batch of one."""
    model = Layer(lambda x: x.view(40, 3))
    proof = run(with_model(model))
    assert not proof.holds
    assert "could not be shown" in proof["accumulated-is-whole"].shown.cause


# --- Nothing of the caller's is touched -----------------------------------------------------------


def bits(setup: Setup) -> Any:
    model, loss_fn, optimizer, _, own = setup
    whole = copied(model, loss_fn, optimizer, own.get("forward"), None, wide=False)
    whole.model, whole.optimizer, whole.loss_fn = model, optimizer, loss_fn
    return captured(whole)


@pytest.mark.parametrize("make", SOUND, ids=lambda make: make.__name__)
def test_the_callers_objects_are_as_before(make: Callable[[], Setup]) -> None:
    setup = make()
    model, loss_fn, optimizer, data, own = setup
    if make is not quasi_newton:  # some state and gradients to lose
        batch = next(iter(data)) if not isinstance(data, tuple) else data
        if forward := own.get("forward"):
            loss = loss_fn(forward(model, batch), batch)["loss"]
        else:
            loss = loss_fn(model(batch[0]), batch[1])
        loss.backward()
        optimizer.step()
    before, held = bits(setup), [(p, p.grad) for p in model.parameters()]
    kind, rest = torch.get_default_dtype(), copy.deepcopy(data)
    with torch.no_grad():
        run(setup)
        assert not torch.is_grad_enabled()
    assert first_change(before, bits(setup), tuple(before))[0] == ""
    assert all(p.grad is grad for p, grad in held)
    assert torch.get_default_dtype() is kind
    batches: Iterator[Any] = iter(data) if isinstance(data, DataLoader) else iter(())
    for one, other in zip(batches, iter(rest), strict=False):
        assert all(map(torch.equal, one, other))


class Moving(TensorDataset):
    """A data set with a counter and a generator of its own, and a sampler that counts epochs."""

    def __init__(self) -> None:
        super().__init__(*classes())
        self.calls, self.noise = 0, np.random.default_rng(0)

    def __getitem__(self, index: int) -> Any:
        self.calls += 1
        x, y = super().__getitem__(index)
        return x + float(self.noise.normal()), y


def test_the_position_in_the_data_is_as_before() -> None:
    data = Moving()
    sampler = torch.utils.data.DistributedSampler(data, num_replicas=1, rank=0)
    sampler.set_epoch(5)
    generator = torch.Generator().manual_seed(0)
    made = DataLoader(data, batch_size=5, sampler=sampler, generator=generator)
    before = data.noise.bit_generator.state, generator.get_state()
    model = mlp()
    run((model, nn.CrossEntropyLoss(), sgd(model), made, {}), only="modes-put-back")
    assert (data.calls, sampler.epoch) == (0, 5)
    assert data.noise.bit_generator.state == before[0]
    assert generator.get_state().equal(before[1])


def test_the_same_proof_again() -> None:
    plain = [run(digits()).to_dict() for _ in range(2)]
    for one in plain:
        one["seconds"] = 0
        for guarantee in one["guarantees"]:
            guarantee["seconds"] = 0
    # Two models of different weights: only the verdicts are the same.
    assert [g["verdict"] for g in plain[0]["guarantees"]] == [
        g["verdict"] for g in plain[1]["guarantees"]
    ]


# --- What it says, and what it refuses ------------------------------------------------------------


def test_json_has_the_form_of_its_schema() -> None:
    jsonschema = pytest.importorskip("jsonschema")
    path = Path(plain.__file__).parents[1] / "prove.schema.json"
    schema = json.loads(path.read_text())
    broken = with_model(Drawing())
    for setup in (digits(), broken):
        written = json.loads(run(setup).to_json())
        jsonschema.Draft202012Validator(schema).validate(written)
        assert [one["name"] for one in written["guarantees"]] == list(NAMES)
    written["guarantees"][0]["verdict"] = "perhaps"
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.Draft202012Validator(schema).validate(written)


def test_the_page_has_a_row_for_each_and_says_why() -> None:
    text = str(run(digits()))
    assert text.startswith("fivestep prove: of 9 guarantees 6 hold, 2 not applicable, 1 not")
    assert all(f"\n {name} " in text for name in NAMES)
    assert "BatchNorm couples" in text


def test_only_some() -> None:
    assert [row.name for row in run(line(), only=["samples-apart"]).rows] == ["samples-apart"]
    with pytest.raises(ValueError, match="choose from accumulated-is-whole"):
        run(line(), only="accumulation")


def test_a_tolerance_of_ones_own() -> None:
    assert not run(convolutions(), only="accumulated-is-whole", tolerance=1e-19).holds
    with pytest.raises(ValueError, match="between 0 and 1"):
        run(line(), tolerance=1.0)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"data": iter([points()])}, "cannot be put back"),
        ({"loss_fn": nn.MSELoss}, "is the class MSELoss"),
        ({"seed": None}, "a proof needs one"),
        ({"window": 1}, "at least 2"),
        ({"data": (points()[0], points()[1] * float("inf"))}, "is inf|is nan"),
        ({"loss_fn": max}, "one iteration on a copy"),
    ],
)
def test_mistakes_are_told(change: dict[str, Any], words: str) -> None:
    model, loss_fn, optimizer, data, _ = line()
    given = {"loss_fn": loss_fn, "data": data} | change
    with pytest.raises((ValueError, TypeError), match=words):
        prove(model, given.pop("loss_fn"), optimizer, given.pop("data"), **given)


REACHED = nn.Linear(3, 1)  # by a loss, past its arguments


def reaching(prediction: Tensor, targets: Tensor) -> Tensor:
    return functional.mse_loss(prediction, targets) + REACHED.weight.square().sum()


def test_a_loss_that_reaches_for_the_model_from_outside() -> None:
    kept = torch.ones(1, 3)
    REACHED.weight.grad = kept
    data = torch.randn(8, 3), torch.randn(8, 1)
    with pytest.raises(ValueError, match="uses the model from outside"):
        prove(REACHED, reaching, torch.optim.SGD(REACHED.parameters(), lr=0.1), data)
    assert REACHED.weight.grad is kept
    assert torch.equal(kept, torch.ones(1, 3))


class Folded(nn.Module):
    """Computes through a function that closes over its own layers, as minGPT's blocks do."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(3, 1)
        layer = self.layer
        self.compute = lambda x: layer(x)  # pyright: ignore

    def forward(self, x: Tensor) -> Tensor:
        return self.compute(x)  # pyright: ignore


def test_functions_that_close_over_the_model_are_copied_with_it() -> None:
    model = Folded()
    first = model.layer.weight

    def loss(prediction: Tensor, targets: Tensor) -> Tensor:
        return functional.mse_loss(prediction, targets) + model.layer.weight.square().sum()

    def penalised(prediction: Tensor, targets: Tensor) -> Tensor:
        return loss(prediction, targets)

    data = torch.randn(24, 3), torch.randn(24, 1)
    for each in (loss, penalised):
        assert prove(model, each, torch.optim.SGD(model.parameters(), lr=0.1), data).holds
    assert model.layer.weight is first
    assert first.grad is None


def test_a_model_that_is_no_module_and_one_that_knows_float32_only() -> None:
    weight = torch.zeros(3, 1, requires_grad=True)

    class Plain:
        def __init__(self) -> None:
            self.weight = weight

        def __call__(self, x: Tensor) -> Tensor:
            return x @ self.weight

    setup: Setup = Plain(), nn.MSELoss(), torch.optim.SGD([weight], lr=0.1), points(), {}
    found = verdicts(run(setup))
    assert found.pop("modes-put-back") == "not applicable"
    assert found.pop("resumed-is-uninterrupted") == "not proved"
    assert set(found.values()) == {"holds"}

    def fixed(x: Tensor) -> Tensor:
        return torch.from_numpy(x.detach().numpy().astype("float32"))

    proof = run(with_model(Layer(fixed)))
    found = verdicts(proof)
    assert found.pop("gradient-is-the-slope") == "not applicable"
    assert found.pop("resumed-is-uninterrupted") == "not proved"
    assert set(found.values()) == {"holds"}
    assert "not in float64" in str(proof)


@pytest.mark.parametrize(("count", "parts"), [(2, 4), (5, 4), (9, 4), (64, 4), (7, 2), (64, 1)])
def test_parts_are_uneven_and_hold_all(count: int, parts: int) -> None:
    sizes = uneven(count, parts)
    assert sum(sizes) == count
    assert min(sizes) >= (2 if count >= 2 * len(sizes) else 1)
    assert len(sizes) <= parts
    if count > 16 and parts > 1:
        assert len(set(sizes)) == parts


def test_rows_of_a_nest() -> None:
    from fivestep.batches import batches

    weight = torch.tensor(2.0)
    nest = [{"x": torch.arange(n).reshape(n, 1), "y": torch.ones(n), "w": weight} for n in (3, 4)]
    rows = collect(batches(nest), 6, whole=True)
    assert rows.count == 6
    assert rows.data["x"].flatten().tolist() == [0, 1, 2, 0, 1, 2]
    ragged = [{"x": torch.ones(3, 2)}, {"x": torch.ones(3, 5)}]  # padded to other lengths
    assert collect(batches(ragged), 6, whole=True).count == 3
    folded = torch.arange(6)
    assert [one.tolist() for one in row(folded, 1, 3)] == [[2, 3], [1, 4]]
