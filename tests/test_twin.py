"""loop.py and scratch.py are one text in two languages."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from fivestep import loop, scratch
from fivestep.loop import Moment, Step

X, Y = np.linspace(-1, 1, 12).reshape(6, 2), np.linspace(0, 1, 6).reshape(6, 1)
BATCHES = [(X[:4], Y[:4]), (X[4:], Y[4:]), (X, Y)]
TENSORS = [(torch.from_numpy(x), torch.from_numpy(y)) for x, y in BATCHES]
TWINS = ["loop", "scratch"]


def twin(name: str) -> tuple[Any, Iterator[Moment]]:
    """Make a line and its training, in PyTorch or in NumPy."""
    if name == "loop":
        module = nn.Linear(2, 1).double()
        sgd = torch.optim.SGD(module.parameters(), lr=0.1)
        return module, loop.train(module, nn.functional.mse_loss, sgd, TENSORS)
    model = scratch.Linear(2, 1, seed=0)
    return model, scratch.train(
        model, scratch.mse_loss, scratch.SGD(model.parameters(), lr=0.1), BATCHES
    )


def paragraphs(module: ModuleType) -> list[tuple[str, str]]:
    """Cut the source of ``train`` at its numbered comments: (heading, the lines below it)."""
    _, *parts = re.split(r"\n +# (?=\d\. )", inspect.getsource(module.train))
    return [(heading.strip(), body) for heading, body in (part.split("\n", 1) for part in parts)]


def lines(body: str) -> list[str]:
    return [line.strip() for line in body.splitlines() if line.strip()]


def test_both_files_have_the_five_paragraphs_under_the_same_headings_in_the_same_order() -> None:
    headings = [heading for heading, _ in paragraphs(loop)]
    assert headings == [heading for heading, _ in paragraphs(scratch)]
    assert [re.split("[ :]", heading)[:2] for heading in headings] == [
        [f"{number}.", step.value] for number, step in enumerate(Step, start=1)
    ]


def test_every_paragraph_pauses_once_with_the_same_moment() -> None:
    for step, (_, in_torch), (_, in_numpy) in zip(
        Step, paragraphs(loop), paragraphs(scratch), strict=True
    ):
        assert lines(in_torch)[-1] == lines(in_numpy)[-1]
        assert lines(in_numpy)[-1].startswith(f"yield Moment(Step.{step.name}, ")
        assert in_torch.count("yield") == in_numpy.count("yield") == 1


def test_a_paragraph_of_the_twin_is_one_line_and_a_pause_and_only_backward_differs() -> None:
    acts = [lines(body)[:-1] for _, body in paragraphs(scratch)]
    assert acts == [
        ["prediction = model(inputs)"],
        ["loss = loss_fn(prediction, targets)"],
        ["optimizer.zero_grad()"],
        ["model.backward(loss.gradient)"],
        ["optimizer.step()"],
    ]
    in_torch = [lines(body)[:-1] for _, body in paragraphs(loop)]
    assert in_torch[0] == ["prediction = model(*args, **kwargs)"]
    assert in_torch[1:3] == acts[1:3]
    assert in_torch[3] == ["loss.backward()"]
    assert acts[4][0] in in_torch[4]


def test_both_docstrings_open_with_the_same_five_steps() -> None:
    def five(module: ModuleType) -> list[list[str]]:
        code = [line for line in str(module.__doc__).splitlines() if line.startswith("    ")]
        return [line.split("#") for line in code]

    ours, theirs = five(scratch), five(loop)
    assert [name for _, name in ours] == [name for _, name in theirs]
    differing = [a.strip() for (a, _), (b, _) in zip(ours, theirs, strict=True) if a != b]
    assert differing == ["model.backward(loss.gradient)"]


def test_train_has_the_same_signature_in_both() -> None:
    ours, theirs = inspect.signature(scratch.train), inspect.signature(loop.train)
    assert [(p.name, p.kind, p.default) for p in ours.parameters.values()] == [
        (p.name, p.kind, p.default) for p in theirs.parameters.values()
    ]
    assert ours.return_annotation == theirs.return_annotation


def test_the_twin_has_no_moment_and_no_step_of_its_own() -> None:
    assert scratch.Moment is loop.Moment
    assert scratch.Step is loop.Step


def test_the_moments_agree_in_step_and_iteration_and_in_what_they_hold() -> None:
    (model, ours), (module, theirs) = twin("scratch"), twin("loop")
    scratch.copy_from(module, to=model)
    seen = 0
    for mine, yours in zip(ours, theirs, strict=True):
        assert type(mine) is type(yours) is Moment
        assert (mine.step, mine.iteration) == (yours.step, yours.iteration)
        assert mine.inputs is BATCHES[seen // 5][0]
        assert mine.targets is BATCHES[seen // 5][1]
        np.testing.assert_allclose(mine.prediction, yours.prediction.detach().numpy(), rtol=1e-12)
        assert (mine.loss is None) == (yours.loss is None) == (mine.step is Step.FORWARD)
        seen += 1
    assert seen == 5 * len(BATCHES)


@pytest.mark.parametrize("name", TWINS)
def test_each_moment_is_a_fresh_value(name: str) -> None:
    _, moments = twin(name)
    kept = list(moments)
    assert len({id(moment) for moment in kept}) == 5 * len(BATCHES)
    assert [moment.step for moment in kept] == list(Step) * len(BATCHES)


@pytest.mark.parametrize("name", TWINS)
@pytest.mark.parametrize("step", Step)
def test_the_loop_stops_where_it_is_left_and_the_model_stays_usable(name: str, step: Step) -> None:
    def weights() -> list[list[float]]:
        return [(p.value if name == "scratch" else p.detach()).tolist() for p in model.parameters()]

    model, moments = twin(name)
    start = weights()
    for moment in moments:
        if moment.step is step:
            break
    moments.close()  # pyright: ignore

    assert (weights() != start) == (step is Step.UPDATE)
    assert list(moments) == []
    if name == "scratch":
        sgd: Any = scratch.SGD(model.parameters(), lr=0.1)
        rest = scratch.train(model, scratch.mse_loss, sgd, BATCHES)
    else:
        sgd = torch.optim.SGD(model.parameters(), lr=0.1)
        rest = loop.train(model, nn.functional.mse_loss, sgd, TENSORS)
    assert len(list(rest)) == 15
    assert np.isfinite(np.concatenate([np.ravel(w) for w in weights()])).all()


def test_a_batch_that_is_no_pair_is_refused_in_the_same_words() -> None:
    messages: list[str] = []
    for module, optimizer in [
        (loop, torch.optim.SGD([torch.zeros(1)])),
        (scratch, scratch.SGD([])),
    ]:
        model: Any = nn.Identity()
        with pytest.raises(TypeError, match=r"batch 1 is a ndarray of shape \(6, 2\)") as refusal:
            next(module.train(model, scratch.mse_loss, optimizer, [X]))  # pyright: ignore
        messages.append(str(refusal.value))
    assert messages[0] == messages[1]
