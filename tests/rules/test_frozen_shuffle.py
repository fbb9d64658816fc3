"""frozen-shuffle: the same order again, under a sampler that shuffles."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import nn
from torch.nn import functional as fn
from torch.utils.data import DataLoader, TensorDataset
from torch.utils.data.distributed import DistributedSampler
from watching import names, watch

Loader = DataLoader[tuple[torch.Tensor, ...]]


def data(rows: int = 160) -> TensorDataset:
    x = torch.randn(rows, 4)
    return TensorDataset(x, x[:, :1])


def train(
    loader: Loader,
    epochs: int,
    before: Callable[[int], object] = int,
    model: nn.Module | None = None,
) -> None:
    model = model or nn.Linear(4, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
    for epoch in range(epochs):
        before(epoch)
        for x, y in loader:
            optimizer.zero_grad()
            fn.mse_loss(model(x), y).backward()
            optimizer.step()


def distributed(*, shuffle: bool = True) -> tuple[Loader, DistributedSampler[object]]:
    rows = data()
    sampler = DistributedSampler(rows, num_replicas=1, rank=0, shuffle=shuffle)
    return DataLoader(rows, batch_size=16, sampler=sampler), sampler  # pyright: ignore[reportReturnType]


def test_two_epochs_without_set_epoch() -> None:
    loader, _ = distributed()
    (finding,) = watch(lambda: train(loader, 2)).findings
    assert finding.rule == "frozen-shuffle"
    assert "set_epoch" in finding.fix


def test_set_epoch_with_the_same_number() -> None:
    loader, sampler = distributed()
    assert names(lambda: train(loader, 3, lambda _: sampler.set_epoch(7))) == ["frozen-shuffle"]


def test_a_seed_inside_the_loop_over_epochs() -> None:
    loader = DataLoader(data(), batch_size=16, shuffle=True)
    (finding,) = watch(lambda: train(loader, 4, lambda _: torch.manual_seed(0))).findings
    assert finding.rule == "frozen-shuffle"
    assert "manual_seed" in finding.fix


def anew(epochs: int = 4, *, seeds: int = 1, models: int = 1) -> None:
    """A loader of its own for every epoch."""
    rows, several = data(), [nn.Linear(4, 1) for _ in range(models)]
    for epoch in range(epochs):
        generator = torch.Generator().manual_seed(epoch % seeds)
        loader = DataLoader(rows, batch_size=16, shuffle=True, generator=generator)
        train(loader, 1, model=several[epoch % models])


def test_a_loader_made_anew_with_the_same_seed() -> None:
    (finding,) = watch(anew).findings
    assert finding.rule == "frozen-shuffle"
    assert finding.evidence["epochs"] == 4
    assert "once" in finding.fix


def test_loaders_made_anew_that_differ_are_silent() -> None:
    assert names(lambda: anew(seeds=4)) == []
    assert names(lambda: anew(models=4)) == []
    assert names(lambda: anew(epochs=2)) == []


def test_set_epoch_is_silent() -> None:
    loader, sampler = distributed()
    assert not names(lambda: train(loader, 3, sampler.set_epoch))


def test_a_sampler_that_does_not_shuffle_is_silent() -> None:
    loader, _ = distributed(shuffle=False)
    assert not names(lambda: train(loader, 3))


def test_plain_order_is_silent() -> None:
    assert not names(lambda: train(DataLoader(data(), batch_size=16), 4))


def test_shuffled_epochs_are_silent() -> None:
    assert not names(lambda: train(DataLoader(data(), batch_size=16, shuffle=True), 4))


def test_runs_that_are_compared_with_the_same_seed_are_silent() -> None:
    loader = DataLoader(data(), batch_size=16, shuffle=True)

    def compare() -> None:
        for _ in range(4):
            torch.manual_seed(0)
            train(loader, 1, model=nn.Linear(4, 1))

    assert not names(compare)


def test_one_model_set_back_for_every_run_is_silent() -> None:
    loader, model = DataLoader(data(), batch_size=16, shuffle=True), nn.Linear(4, 1)
    start = {name: one.clone() for name, one in model.state_dict().items()}

    def compare() -> None:
        for _ in range(4):
            torch.manual_seed(0)
            model.load_state_dict(start)
            train(loader, 1, model=model)

    assert not names(compare)


def test_a_seeded_validation_is_silent() -> None:
    loader, held = (
        DataLoader(data(), batch_size=16),
        DataLoader(data(), batch_size=16, shuffle=True),
    )

    def loop() -> None:
        model = nn.Linear(4, 1)
        for _ in range(4):
            train(loader, 1, model=model)
            torch.manual_seed(0)
            with torch.no_grad():
                for x, y in held:
                    fn.mse_loss(model(x), y)

    assert not names(loop)


def test_one_full_batch_is_silent() -> None:
    loader = DataLoader(data(16), batch_size=16, shuffle=True)
    assert not names(lambda: train(loader, 6, lambda _: torch.manual_seed(0)))
