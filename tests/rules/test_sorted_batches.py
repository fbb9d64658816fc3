"""sorted-batches: one class after the other, against all that merely looks like it."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn import functional as fn
from torch.utils.data import DataLoader, TensorDataset
from watching import names, watch


def flowers(classes: int = 3, each: int = 50) -> tuple[torch.Tensor, torch.Tensor]:
    """Sorted by class, as scikit-learn's iris is."""
    y = torch.arange(classes).repeat_interleave(each)
    return torch.randn(classes, 4)[y] + 0.3 * torch.randn(len(y), 4), y


def train(loader: DataLoader[tuple[torch.Tensor, ...]], classes: int = 3, epochs: int = 3) -> None:
    model = nn.Sequential(nn.Linear(4, 16), nn.ReLU(), nn.Linear(16, classes))
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    for _ in range(epochs):
        for x, y in loader:
            optimizer.zero_grad()
            loss = fn.cross_entropy(model(x), y)
            loss.backward()
            optimizer.step()


def by_hand(x: torch.Tensor, y: torch.Tensor, size: int, epochs: int = 2, outputs: int = 3) -> None:
    model = nn.Linear(x.shape[1], outputs)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
    for _ in range(epochs):
        for start in range(0, len(x), size):
            prediction, target = model(x[start : start + size]), y[start : start + size]
            if target.is_floating_point():
                loss = fn.binary_cross_entropy_with_logits(prediction, target)
            else:
                loss = fn.cross_entropy(prediction, target)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()


@pytest.mark.parametrize("size", [8, 16, 50])
def test_iris_in_its_own_order(size: int) -> None:
    (finding,) = watch(
        lambda: train(DataLoader(TensorDataset(*flowers()), batch_size=size))
    ).findings
    assert finding.rule == "sorted-batches"
    assert "shuffle=True" in finding.fix
    assert finding.evidence["classes"] == 3
    assert finding.site is not None
    assert finding.site.function == "train"


def test_two_classes_put_one_behind_the_other() -> None:
    x = torch.cat([torch.randn(80, 2) + 2, torch.randn(80, 2) - 2])
    y = torch.cat([torch.ones(80, 1), torch.zeros(80, 1)])
    assert names(lambda: by_hand(x, y, 16, outputs=1)) == ["sorted-batches"]


def test_many_classes_and_a_single_epoch() -> None:
    x, y = flowers(10, 32)
    assert names(lambda: by_hand(x, y, 32, epochs=1, outputs=10)) == ["sorted-batches"]


@pytest.mark.parametrize("size", [1, 4, 8, 16, 150])
def test_shuffled_data_is_silent(size: int) -> None:
    loader = DataLoader(TensorDataset(*flowers()), batch_size=size, shuffle=True)
    assert not names(lambda: train(loader, epochs=1))


def test_sorted_full_batch_is_silent() -> None:
    assert not names(lambda: by_hand(*flowers(), 150, epochs=20))


def test_one_class_alone_is_silent() -> None:
    x = torch.randn(160, 4)
    assert not names(lambda: by_hand(x, torch.zeros(160, dtype=torch.int64), 16))


def test_rare_class_among_shuffled_data_is_silent() -> None:
    x, y = torch.randn(640, 4), (torch.rand(640) < 0.02).long()
    assert not names(lambda: by_hand(x, y, 16, epochs=1))


def test_many_classes_in_small_batches_are_silent() -> None:
    x, y = torch.randn(200, 4), torch.randint(100, (200,))
    assert not names(lambda: by_hand(x, y, 4, epochs=1, outputs=100))


def test_sorted_epoch_accumulated_into_one_update_is_silent() -> None:
    x, y = flowers()

    def loop() -> None:
        model = nn.Linear(4, 3)
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        for _ in range(12):
            optimizer.zero_grad()
            for start in range(0, 150, 50):
                (
                    fn.cross_entropy(model(x[start : start + 50]), y[start : start + 50]) / 3
                ).backward()
            optimizer.step()

    assert not names(loop)


def test_real_and_fake_in_turns_are_silent() -> None:
    def step(
        critic: nn.Module, optimizer: torch.optim.Optimizer, x: torch.Tensor, real: float
    ) -> None:
        optimizer.zero_grad()
        answer = critic(x)
        fn.binary_cross_entropy_with_logits(answer, torch.full_like(answer, real)).backward()
        optimizer.step()

    def loop() -> None:
        critic, maker = nn.Linear(2, 1), nn.Linear(4, 2)
        judge = torch.optim.SGD(critic.parameters(), lr=0.05)
        paint = torch.optim.SGD(maker.parameters(), lr=0.05)
        for (x,) in DataLoader(TensorDataset(torch.randn(320, 2)), batch_size=16):
            step(critic, judge, x, 1.0)
            step(critic, judge, maker(torch.randn(16, 4)).detach(), 0.0)
            paint.zero_grad()
            answer = critic(maker(torch.randn(16, 4)))
            fn.binary_cross_entropy_with_logits(answer, torch.ones_like(answer)).backward()
            paint.step()

    assert "sorted-batches" not in names(loop)


def test_tasks_of_two_classes_one_after_the_other_are_silent() -> None:
    x, y = torch.randn(400, 4), torch.randint(2, (400,)) + 2 * torch.arange(5).repeat_interleave(80)
    assert not names(lambda: by_hand(x, y, 16, epochs=1, outputs=10))


@pytest.mark.parametrize("seed", range(3))
def test_what_one_class_after_the_other_does_to_the_units_is_a_consequence(seed: int) -> None:
    """They die, and updates are huge, at a rate that shuffled batches bear."""

    def loop(*, shuffled: bool) -> None:
        x, y = torch.rand(800, 64) + 0.5, torch.arange(4).repeat_interleave(200)
        x[torch.arange(800), y] += 1.0
        model = nn.Sequential(nn.Linear(64, 8), nn.ReLU(), nn.Linear(8, 4))
        optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
        for _ in range(3):
            order = torch.randperm(800) if shuffled else torch.arange(800)
            for chosen in order.split(40):
                loss = fn.cross_entropy(model(x[chosen]), y[chosen])
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()

    assert names(lambda: loop(shuffled=True), seed) == []
    (finding,) = watch(lambda: loop(shuffled=False), seed).findings
    assert finding.rule == "sorted-batches"
    assert "dead-units" in [one.rule for one in finding.consequences]
