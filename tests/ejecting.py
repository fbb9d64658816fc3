"""The same training twice: by `fit`, and by the text that its record is written out as."""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import torch
from by_hand import assert_same
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset, TensorDataset

from fivestep.eject import source
from fivestep.fit import fit
from fivestep.randomness import preserved
from fivestep.run import Run

Options = dict[str, Any]
MakeOptimizer = Callable[[nn.Module], Any]


def small(classes: int = 3, *, norm: bool = True, dropout: float = 0.3) -> nn.Sequential:
    """A classifier of five features whose dropout and BatchNorm show every slip in the order."""
    torch.manual_seed(7)
    first: list[nn.Module] = [nn.Linear(5, 8)]
    if norm:
        first.append(nn.BatchNorm1d(8))
    return nn.Sequential(*first, nn.ReLU(), nn.Dropout(dropout), nn.Linear(8, classes))


def samples(count: int = 22, seed: int = 3) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(count, 5, generator=generator)
    return x, torch.randint(0, 3, (count,), generator=generator)


class Noisy(Dataset[tuple[Tensor, Tensor]]):
    """A data set that draws random numbers for each sample, as augmentation does."""

    def __init__(self, count: int = 22) -> None:
        self.x, self.y = samples(count)

    def __len__(self) -> int:
        return len(self.y)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        return self.x[index] + 0.1 * torch.randn(5), self.y[index]


class Unsized:
    """Batches whose number nobody knows beforehand."""

    def __init__(self, batches: list[Any]) -> None:
        self.batches = batches

    def __iter__(self) -> Iterator[Any]:
        return iter(self.batches)


def loader(count: int = 22, size: int = 4, **options: Any) -> DataLoader[Any]:
    return DataLoader(Noisy(count), batch_size=size, shuffle=True, **options)


def quiet_loader(count: int = 10) -> DataLoader[Any]:
    return DataLoader(TensorDataset(*samples(count, 5)), batch_size=4, shuffle=False)


def adam(model: nn.Module) -> Any:
    return torch.optim.AdamW(model.parameters(), lr=0.02)


def sgd(model: nn.Module) -> Any:
    return torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)


def several(model: nn.Module) -> Any:
    parts = list(model.children())
    head = [p for part in parts[:2] for p in part.parameters()]
    rest = [p for part in parts[2:] for p in part.parameters()]
    return [torch.optim.SGD(head, lr=0.05, momentum=0.9), torch.optim.AdamW(rest, lr=0.02)]


@dataclass
class Case:
    """What is trained, with what, and how."""

    options: Options = field(default_factory=dict[str, Any])
    model: Callable[[], Any] = small
    optimizer: MakeOptimizer = adam
    loss_fn: Callable[[], Any] = nn.CrossEntropyLoss
    train: Callable[[], Any] = samples
    validate: Callable[[], Any] | None = None
    scheduler: Callable[[Any], Any] | None = None
    before: int | None = None  # a seed for what is drawn without one


@dataclass
class Twin:
    """One of the two: its objects, and what came out."""

    case: Case
    run: Run | None = None
    answer: Any = None

    def __post_init__(self) -> None:
        self.model = self.case.model()
        self.optimizer = self.case.optimizer(self.model)
        self.loss_fn, self.train = self.case.loss_fn(), self.case.train()
        self.validate = None if self.case.validate is None else self.case.validate()
        scheduler = self.case.scheduler
        self.scheduler = None if scheduler is None else scheduler(self.optimizer)

    @property
    def optimizers(self) -> list[Any]:
        one = self.optimizer
        return (
            list(one.values()) if isinstance(one, dict) else one if isinstance(one, list) else [one]
        )

    @property
    def state(self) -> Any:
        weights = self.model.state_dict() if isinstance(self.model, nn.Module) else {}
        return dict(weights), [one.state_dict() for one in self.optimizers]


def by_fit(case: Case) -> Twin:
    twin = Twin(case)
    options = dict(case.options)
    if twin.scheduler is not None:
        options["schedule"] = twin.scheduler
    if case.before is not None:
        torch.manual_seed(case.before)
    with preserved():
        twin.run = fit(
            twin.model, twin.loss_fn, twin.optimizer, twin.train, validate=twin.validate,
            progress=False, watch=False, **options,
        )  # fmt: skip
    return twin


def written(twin: Twin) -> str:
    """The text, from what would stand in a file."""
    run = twin.run
    assert run is not None
    return source(json.loads(json.dumps(run.setup)))


def executed(text: str) -> dict[str, Any]:
    names: dict[str, Any] = {"__name__": "ejected"}
    exec(compile(text, "ejected.py", "exec"), names)
    return names


def by_text(case: Case, text: str) -> Twin:
    twin, train = Twin(case), executed(text)["train"]
    metrics = case.options.get("metrics")
    offered = {
        "model": twin.model,
        "loss_fn": twin.loss_fn,
        "optimizer": twin.optimizer,
        "optimizers": twin.optimizers,
        "train_data": twin.train,
        "validation_data": twin.validate,
        "scheduler": twin.scheduler,
        "metrics": metrics
        if isinstance(metrics, dict)
        else {getattr(metrics, "__name__", "metric"): metrics},
        "count_items": case.options.get("items"),
        "forward": case.options.get("forward"),
    }
    wanted = {name: offered[name] for name in inspect.signature(train).parameters}
    if case.before is not None:
        torch.manual_seed(case.before)
    with preserved():
        answer = train(**wanted)
    twin.answer = answer if isinstance(answer, tuple) else (answer,)
    return twin


def losses(run: Run) -> list[dict[str, float]]:
    """What of the run's history the text keeps, too."""
    known = {"when", "iteration", "update", "gradient_norm", "learning_rate", "learning_rates",
             "seconds", "samples_per_second", "skipped"}  # fmt: skip
    found: list[dict[str, float]] = []
    for record in run.history:
        kept = {name: value for name, value in record.items() if name not in known}
        if record["when"] == "update":
            kept = {n: v for n, v in kept.items() if n == "epoch" or n.startswith("validation_")}
        if record["when"] in ("epoch", "end", "update"):
            found.append(kept)
    return found


def assert_equal(one: Twin, other: Twin) -> None:
    """Hold both to the same bits: weights, buffers, optimizers, losses, best, average."""
    run, (history, *more) = one.run, other.answer
    assert run is not None
    assert_same(one.state, other.state)
    told = [
        {n: v for n, v in entry.items() if n not in ("update", "iteration")} for entry in history
    ]
    assert repr(told) == repr(losses(run))
    if not more and run.average_weights is None:
        return
    if not isinstance(more[-1], nn.Module):
        assert run.average_weights is None
    elif run.average_weights is not None:
        assert_same(dict(more.pop().state_dict()), run.average_weights)
    if more and not isinstance(more[0], nn.Module):
        assert_same(None if more[0] is None else dict(more[0]), run.best_weights)


def both(case: Case) -> tuple[Twin, Twin, str]:
    first = by_fit(case)
    text = written(first)
    return first, by_text(case, text), text


def check(case: Case) -> str:
    first, second, text = both(case)
    assert_equal(first, second)
    return text
