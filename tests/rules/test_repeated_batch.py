"""repeated-batch: the loader moves on and the training does not."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional as fn
from torch.utils.data import DataLoader, TensorDataset
from watching import names, watch

Loader = DataLoader[tuple[torch.Tensor, ...]]


def loader(*, shuffle: bool = False, rows: int = 320) -> Loader:
    x = torch.randn(rows, 6)
    return DataLoader(TensorDataset(x, (x[:, 0] > 0).long()), batch_size=16, shuffle=shuffle)


def learn(
    model: nn.Module, optimizer: torch.optim.Optimizer, x: torch.Tensor, y: torch.Tensor
) -> None:
    optimizer.zero_grad()
    fn.cross_entropy(model(x), y).backward()
    optimizer.step()


def parts() -> tuple[nn.Module, torch.optim.Optimizer]:
    model = nn.Sequential(nn.Linear(6, 16), nn.ReLU(), nn.Linear(16, 2))
    return model, torch.optim.Adam(model.parameters(), lr=0.01)


def test_inputs_of_a_first_look_and_labels_of_the_loop() -> None:
    def loop() -> None:
        (model, optimizer), data = parts(), loader(shuffle=True)
        images, _ = next(iter(data))
        for _, labels in data:
            optimizer.zero_grad()
            loss = fn.cross_entropy(model(images), labels)
            loss.backward()
            optimizer.step()

    (finding,) = watch(loop).findings
    assert finding.rule == "repeated-batch"
    assert "`images`" in finding.cause
    assert "for _, labels in data:" in finding.fix
    assert finding.evidence["iterations"] == 20


def test_whole_data_in_place_of_the_batch() -> None:
    def loop() -> None:
        (model, optimizer), data = parts(), loader()
        x, y = data.dataset.tensors  # pyright: ignore[reportAttributeAccessIssue]
        for _, _ in data:
            learn(model, optimizer, x, y)

    assert names(loop) == ["repeated-batch"]


def test_an_iterator_made_anew_for_each_batch() -> None:
    def loop() -> None:
        (model, optimizer), data = parts(), loader()
        for _ in range(12):
            x, y = next(iter(data))
            learn(model, optimizer, x, y)

    (finding,) = watch(loop).findings
    assert finding.rule == "repeated-batch"
    assert finding.evidence["starts"] == 12


def test_a_new_iterator_that_shuffles_is_silent() -> None:
    def loop() -> None:
        (model, optimizer), data = parts(), loader(shuffle=True)
        for _ in range(12):
            x, y = next(iter(data))
            learn(model, optimizer, x, y)

    assert not names(loop)


def test_overfitting_one_batch_on_purpose_is_silent() -> None:
    def loop() -> None:
        (model, optimizer), data = parts(), loader(shuffle=True)
        x, y = next(iter(data))
        for _ in range(20):
            learn(model, optimizer, x, y)

    assert not names(loop)


def test_a_full_batch_in_each_epoch_is_silent() -> None:
    def loop() -> None:
        (model, optimizer), data = parts(), loader(rows=16)
        for _ in range(20):
            for x, y in data:
                learn(model, optimizer, x, y)

    assert not names(loop)


def test_constant_noise_beside_the_batch_is_silent() -> None:
    def loop() -> None:
        maker = nn.Linear(6, 6)
        optimizer = torch.optim.Adam(maker.parameters(), lr=0.01)
        noise = torch.randn(16, 6)
        for x, _ in loader():
            optimizer.zero_grad()
            fn.mse_loss(maker(noise), x).backward()
            optimizer.step()

    assert not names(loop)


def test_a_reference_image_through_the_same_model_is_silent() -> None:
    def loop() -> None:
        (model, optimizer), style = parts(), torch.randn(16, 6)
        for x, _ in loader():
            optimizer.zero_grad()
            (model(x) - model(style)).pow(2).mean().backward()
            optimizer.step()

    assert not names(loop)


def test_a_loader_that_gives_only_labels_to_look_at_is_silent() -> None:
    def loop() -> None:
        (model, optimizer), data = parts(), loader()
        fixed = torch.ones(1, 3)
        first = nn.Linear(3, 6)
        for x, y in data:
            learn(model, optimizer, x + first(fixed).detach(), y)

    assert not names(loop)
