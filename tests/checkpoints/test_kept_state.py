"""What a training consists of besides the plain case: layouts, late buffers, loose parameters."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset, random_split

from checkpoints.resumed import Made, Stop, Stopping, equal, plain, same, stopped, trained
from fivestep import Checkpoint, fit
from fivestep.batches import Order, TensorBatches
from fivestep.checkpoints.likeness import likeness

Objects = tuple[Any, Any]  # model, optimizer


def every_update(folder: Path) -> Checkpoint:
    return Checkpoint(folder, every="1 update")


def images() -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(4)
    return torch.randn(12, 3, 6, 6, generator=generator), torch.arange(12) % 2


def rows() -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(5)
    return torch.randn(12, 6, generator=generator), torch.arange(12) % 2


def channels_last(make: Callable[[Any], Any]) -> Objects:
    torch.manual_seed(1)
    convolutions = nn.Conv2d(3, 4, 3), nn.Tanh(), nn.Conv2d(4, 5, 3)
    model = nn.Sequential(*convolutions, nn.Flatten(), nn.Linear(20, 2))
    model.to(memory_format=torch.channels_last)  # pyright: ignore
    return model, make(model.parameters())


def transposed(make: Callable[[Any], Any]) -> Objects:
    torch.manual_seed(2)
    model = nn.Sequential(nn.Linear(6, 5), nn.Linear(5, 2))
    first = model.get_parameter("0.weight")
    model.get_submodule("0").weight = nn.Parameter(first.detach().T.contiguous().T)
    return model, make(model.parameters())


def by(optimizer: Any, **options: Any) -> Callable[[Any], Any]:
    return lambda parameters: optimizer(parameters, lr=0.02, **options)


LAYOUTS: dict[str, tuple[Callable[..., Objects], Callable[[Any], Any], Any]] = {
    "channels last, fused AdamW": (channels_last, by(torch.optim.AdamW, fused=True), images),
    "channels last, fused SGD": (
        channels_last, by(torch.optim.SGD, momentum=0.9, fused=True), images,
    ),
    "channels last, AMSGrad": (channels_last, by(torch.optim.Adam, amsgrad=True), images),
    "transposed, fused Adam": (transposed, by(torch.optim.Adam, fused=True), rows),
    "transposed, fused Adagrad": (transposed, by(torch.optim.Adagrad, fused=True), rows),
    "transposed, RMSprop": (transposed, by(torch.optim.RMSprop, momentum=0.5), rows),
}  # fmt: skip


@pytest.mark.parametrize("accumulate", [1, 2])
@pytest.mark.parametrize("name", LAYOUTS)
def test_moments_lie_in_memory_as_their_parameters_do(
    name: str, accumulate: int, tmp_path: Path
) -> None:
    build, optimizer, data = LAYOUTS[name]

    def make() -> Made:
        model, made = build(optimizer)
        options = {"train": data(), "epochs": 3, "batch_size": 4, "accumulate": accumulate}
        return model, nn.CrossEntropyLoss(), made, options | {"saves": every_update}

    whole = trained(make, tmp_path / "whole")
    for after in (2, 5):
        assert stopped(make, tmp_path / str(after), after)
        equal(trained(make, tmp_path / str(after)), whole)


class Normed(nn.Module):
    """Learns a shift from its first batch, kept as a buffer that is None until then."""

    def __init__(self, begins: Tensor | None) -> None:
        super().__init__()
        torch.manual_seed(6)
        self.layer = nn.Linear(6, 2)
        self.register_buffer("mean", begins)

    def forward(self, x: Tensor) -> Tensor:
        mean: Any = self.mean
        if mean is None or not mean.numel():
            self.mean = x.detach().mean(0)
        return self.layer(x - self.mean)


class Growing(Normed):
    """Remembers one more number in each forward of the training."""

    def forward(self, x: Tensor) -> Tensor:
        if self.training:
            self.mean = torch.cat([self.mean, x.detach().mean().reshape(1)])
        return self.layer(x + self.mean.sum() / 100)


@pytest.mark.parametrize(
    "model",
    [lambda: Normed(None), lambda: Normed(torch.zeros(0)), lambda: Growing(torch.zeros(0)),
     lambda: nn.Sequential(nn.Linear(6, 6), Normed(None))],
    ids=["none", "empty", "growing", "within"],
)  # fmt: skip
def test_a_buffer_may_get_its_shape_while_it_trains(
    model: Callable[[], nn.Module], tmp_path: Path
) -> None:
    def make() -> Made:
        torch.manual_seed(9)
        made = model()
        optimizer = torch.optim.SGD(made.parameters(), lr=0.1)
        options = {"train": rows(), "epochs": 2, "batch_size": 4, "saves": every_update}
        return made, nn.CrossEntropyLoss(), optimizer, options

    whole = trained(make, tmp_path / "whole")
    for after in (1, 4):
        assert stopped(make, tmp_path / str(after), after)
        equal(trained(make, tmp_path / str(after)), whole)


def in_a_callable(_: Any) -> tuple[Any, Any, list[Tensor], dict[str, Any]]:
    weight = torch.full((6, 2), 0.1, requires_grad=True)

    def model(x: Tensor) -> Tensor:
        return x @ weight

    return model, nn.CrossEntropyLoss(), [weight], {}


def in_a_loss(_: Any) -> tuple[Any, Any, list[Tensor], dict[str, Any]]:
    model, heat = nn.Linear(6, 2), torch.ones((), requires_grad=True)

    def loss(prediction: Tensor, targets: Tensor) -> Tensor:
        return nn.functional.cross_entropy(prediction * heat, targets) + (heat - 2) ** 2

    return model, loss, [*model.parameters(), heat], {}


def in_a_forward(_: Any) -> tuple[Any, Any, list[Tensor], dict[str, Any]]:
    model, head = nn.Linear(6, 3), nn.Linear(3, 2)

    def forward(given: Any, batch: Any) -> Tensor:
        return head(given(batch[0]).tanh())

    options = {"forward": forward}
    loss = nn.CrossEntropyLoss()
    parameters = [*model.parameters(), *head.parameters()]
    return model, (lambda p, batch: loss(p, batch[1])), parameters, options  # pyright: ignore


@pytest.mark.parametrize("optimizer", [torch.optim.SGD, torch.optim.AdamW])
@pytest.mark.parametrize("build", [in_a_callable, in_a_loss, in_a_forward])
def test_what_the_optimizer_moves_is_saved_wherever_it_lives(
    build: Any, optimizer: Any, tmp_path: Path
) -> None:
    def train(folder: Path, stop: int | None = None) -> Any:
        torch.manual_seed(7)
        model, loss, parameters, options = build(None)
        calls = Stopping(10**9 if stop is None else stop)

        def counted(prediction: Any, targets: Any) -> Any:
            calls()
            return loss(prediction, targets)

        run = fit(
            model, counted, optimizer(parameters, lr=0.1), rows(), epochs=2, batch_size=4,
            progress=False, watch=False, checkpoint=every_update(folder), **options,
        )  # fmt: skip
        return [one.detach().clone() for one in parameters], [plain(e) for e in run.history]

    whole = train(tmp_path / "whole")
    for after in (2, 5):
        with pytest.raises(Stop):
            train(tmp_path / str(after), after)
        same(train(tmp_path / str(after)), whole)


def small(folder: Path, **changed: Any) -> Any:
    torch.manual_seed(8)
    model = nn.Linear(6, 2)
    rate, data = changed.pop("rate", 0.1), changed.pop("data", rows())
    loss = changed.pop("loss", nn.CrossEntropyLoss())
    given: dict[str, Any] = {
        "epochs": 2,
        "batch_size": 4,
        "progress": False,
        "watch": False,
    } | changed
    optimizer = torch.optim.SGD(model.parameters(), lr=rate)
    return fit(model, loss, optimizer, data, checkpoint=folder, **given)


def other_rows() -> tuple[Tensor, Tensor]:
    inputs, targets = rows()
    return inputs * 3, targets


def other_targets() -> tuple[Tensor, Tensor]:
    inputs, targets = copy.deepcopy(rows())
    targets[5] = 1 - targets[5]
    return inputs, targets


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"data": other_rows()}, "the samples are not those"),
        ({"data": other_targets()}, "the samples are not those"),
        ({"data": TensorDataset(*other_targets())}, "the samples are not those"),
        ({"shuffle": False}, "order of the samples was 'shuffled' and is 'in order'"),
    ],
)
def test_other_data_of_the_same_length_are_refused(
    changed: dict[str, Any], words: str, tmp_path: Path
) -> None:
    kind = type(changed.get("data"))
    small(tmp_path, **({"data": TensorDataset(*rows())} if kind is TensorDataset else {}))
    with pytest.raises(ValueError, match=words):
        small(tmp_path, **{"epochs": 3} | changed)


def split_by(seed: int) -> Any:
    generator = torch.Generator().manual_seed(seed)
    train, held_out = random_split(TensorDataset(*rows()), [8, 4], generator=generator)
    return DataLoader(train, batch_size=4), DataLoader(held_out, batch_size=4)


def test_a_split_that_is_not_seeded_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given: dict[str, Any] = {"batch_size": None}
    train, held_out = split_by(1)
    small(tmp_path, data=train, validate=held_out, **given)
    train, held_out = split_by(1)
    small(tmp_path, data=train, validate=held_out, **given)
    train, held_out = split_by(2)
    with pytest.raises(ValueError, match="a split or noise without a seed"):
        small(tmp_path, data=train, validate=held_out, **given)
    free = Checkpoint(tmp_path, strict=False)
    small(free, data=train, validate=held_out, epochs=3, **given)  # pyright: ignore
    assert "a split or noise without a seed" in capsys.readouterr().err


@pytest.mark.parametrize(
    "tensor",
    [torch.zeros(2**24 + 4, 1, dtype=torch.int8), torch.zeros(0, 3), torch.zeros(3, 0),
     torch.ones(5, 4).to_sparse(), torch.ones(4, dtype=torch.complex64), torch.ones(()),
     torch.ones(6, 2, device="meta"), torch.ones(3, 4, dtype=torch.bfloat16).T],
    ids=["many", "none", "empty", "sparse", "complex", "scalar", "meta", "bfloat16"],
)  # fmt: skip
def test_any_data_can_be_looked_at(tensor: Tensor) -> None:
    made = TensorBatches(tensor, tensor, batch_size=2, order=Order(2, shuffle=False, seed=0))
    assert likeness(made) == likeness(made)


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"rate": 0.5}, "lr of group 0 (the saved one is used) was 0.1 and is 0.5"),
        ({"loss": nn.MultiMarginLoss()}, "loss_fn was 'CrossEntropyLoss' and is 'MultiMarginLoss'"),
        ({"clip": 1.0}, "clip was None and is 1.0"),
    ],
)
@pytest.mark.parametrize("progress", [True, False])
def test_what_else_was_changed_is_said_even_without_progress(
    changed: dict[str, Any], words: str, progress: bool, tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    small(tmp_path)
    small(tmp_path, **{"epochs": 3, "progress": progress} | changed)
    assert words in capsys.readouterr().err
