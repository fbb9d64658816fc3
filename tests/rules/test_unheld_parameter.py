"""A model or a loss that was forgotten is named; one that is not to be trained is not."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import nn
from watching import names, watch

Loop = Callable[[], None]


def mlp(first: int, last: int) -> nn.Module:
    return nn.Sequential(nn.Linear(first, 16), nn.Tanh(), nn.Linear(16, last))


def autoencoder(*, cleared: bool, held: bool = False, loaded: bool = False) -> None:
    torch.set_num_threads(1)
    encoder, decoder = mlp(8, 3), mlp(3, 8)
    if loaded:
        encoder.load_state_dict(mlp(8, 3).state_dict())
    parameters = [*decoder.parameters(), *(encoder.parameters() if held else ())]
    optimizer = torch.optim.Adam(parameters, lr=0.01)
    for _ in range(12):
        x = torch.randn(16, 8)
        optimizer.zero_grad()
        if cleared:
            encoder.zero_grad()
        nn.functional.mse_loss(decoder(encoder(x)), x).backward()
        optimizer.step()


def perceptual() -> None:
    """A loss network after the one that is trained, cleared with all the rest."""
    torch.set_num_threads(1)
    model, judge = mlp(8, 8), mlp(8, 4)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    for _ in range(12):
        x = torch.randn(16, 8)
        model.zero_grad()
        judge.zero_grad()
        nn.functional.mse_loss(judge(model(x)), judge(x.flip(1)).detach()).backward()
        optimizer.step()


class Weighed(nn.Module):
    """Two losses, weighed by what they are given to start with."""

    def __init__(self, start: torch.Tensor, *, learned: bool = True) -> None:
        super().__init__()
        self.log_variance = nn.Parameter(start, requires_grad=learned)

    def forward(self, first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
        both = torch.stack([first, second])
        return (torch.exp(-self.log_variance) * both + self.log_variance).sum()


class Scaled(nn.Module):
    """Features brought to a scale that is a parameter and no loss."""

    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(1))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x * self.scale


def two_losses(loss_fn: nn.Module, *, held: bool = False) -> None:
    torch.set_num_threads(1)
    model = mlp(8, 2)
    parameters = [*model.parameters(), *(loss_fn.parameters() if held else ())]
    optimizer = torch.optim.AdamW(parameters, lr=0.01)
    for _ in range(12):
        x = torch.randn(16, 8)
        first, second = model(x).T
        loss = loss_fn((first - x[:, 0]).square().mean(), (second - x[:, 1]).abs().mean())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


def scaled() -> None:
    torch.set_num_threads(1)
    model, scale = mlp(8, 1), Scaled()
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.01)
    for _ in range(12):
        x = torch.randn(16, 8)
        optimizer.zero_grad()
        nn.functional.mse_loss(scale(model(x)), x[:, :1]).backward()
        optimizer.step()


def second_forgotten(
    first: nn.Module,
    second: nn.Module,
    *,
    before: bool = False,
    judged: bool = False,
    prompt: bool = False,
) -> None:
    """The optimizer has the first of two models; 12 columns in, as many out."""
    torch.set_num_threads(1)
    if before:
        fit(second, nn.Identity(), [*second.parameters()], judged=False)
    held = nn.ParameterList([nn.Parameter(torch.zeros(64, 12))]) if prompt else first
    if prompt:
        first.requires_grad_(False)
        optimizer = torch.optim.Adam(held.parameters(), lr=0.01)
        for _ in range(12):
            optimizer.zero_grad()
            nn.functional.mse_loss(second(first(held[0])), torch.ones(64, 12)).backward()
            optimizer.step()
        return
    fit(second, first, [*first.parameters()], judged=judged)


def fit(
    second: nn.Module, first: nn.Module, parameters: list[nn.Parameter], *, judged: bool
) -> None:
    optimizer = torch.optim.Adam(parameters, lr=0.01)
    for _ in range(12):
        x = torch.randn(16, 12)
        target = second(x).detach() if judged else x
        optimizer.zero_grad()
        nn.functional.mse_loss(second(first(x)), target).backward()
        optimizer.step()


def loaded_decoder() -> nn.Module:
    decoder = mlp(12, 12)
    decoder.load_state_dict(mlp(12, 12).state_dict())
    return decoder


def far_from_fresh() -> nn.Module:
    decoder = mlp(12, 12)
    for weight in decoder.parameters():
        weight.data.mul_(1.4)
    return decoder


SECONDS: dict[str, Loop] = {
    "a decoder": lambda: second_forgotten(mlp(12, 12), mlp(12, 12)),
    "a head": lambda: second_forgotten(mlp(12, 12), nn.Linear(12, 12)),
    "with a normalisation": lambda: second_forgotten(
        mlp(12, 12), nn.Sequential(nn.BatchNorm1d(12), mlp(12, 12))
    ),
    "convolutions": lambda: second_forgotten(
        nn.Sequential(mlp(12, 12), nn.Unflatten(1, (3, 4))),
        nn.Sequential(nn.ConvTranspose1d(3, 8, 3, padding=1), nn.ReLU(), nn.Conv1d(8, 3, 3, padding=1), nn.Flatten()),
    ),
}  # fmt: skip

SILENT: dict[str, Loop] = {
    "a probe on a backbone": lambda: autoencoder(cleared=False),
    "both held": lambda: autoencoder(cleared=True, held=True),
    "weights from elsewhere": lambda: autoencoder(cleared=True, loaded=True),
    "a loss network": perceptual,
    "a weight that is held": lambda: two_losses(Weighed(torch.zeros(2)), held=True),
    "a weight that is fixed": lambda: two_losses(Weighed(torch.zeros(2), learned=False)),
    "weights that were chosen": lambda: two_losses(Weighed(torch.tensor([0.0, 1.0]))),
    "a scale": scaled,
    "a decoder from elsewhere": lambda: second_forgotten(mlp(12, 12), loaded_decoder()),
    "a decoder trained before": lambda: second_forgotten(mlp(12, 12), mlp(12, 12), before=True),
    "a decoder that is no fresh one": lambda: second_forgotten(mlp(12, 12), far_from_fresh()),
    "a decoder in eval mode": lambda: second_forgotten(mlp(12, 12), mlp(12, 12).eval()),
    "a decoder that is frozen": lambda: second_forgotten(
        mlp(12, 12), mlp(12, 12).requires_grad_(False)
    ),
    "a judge of both": lambda: second_forgotten(mlp(12, 12), mlp(12, 12), judged=True),
    "a small one before a large one": lambda: second_forgotten(
        nn.Linear(12, 12), nn.Sequential(mlp(12, 60), mlp(60, 12))
    ),
    "inputs that are learned": lambda: second_forgotten(mlp(12, 12), mlp(12, 12), prompt=True),
}


def test_an_encoder_whose_gradients_are_cleared_and_never_used_is_named() -> None:
    (finding,) = watch(lambda: autoencoder(cleared=True)).findings
    assert finding.rule == "unheld-parameter"
    assert finding.evidence["unheld"] == 4


def test_a_weight_of_the_loss_that_nobody_holds_is_named() -> None:
    (finding,) = watch(lambda: two_losses(Weighed(torch.zeros(2)))).findings
    assert finding.rule == "unheld-parameter"
    assert finding.message.startswith("log_variance")


@pytest.mark.parametrize("case", SECONDS)
def test_a_fresh_model_after_the_trained_one_is_named(case: str) -> None:
    (finding,) = watch(SECONDS[case]).findings
    assert finding.rule == "unheld-parameter"
    assert "both" in finding.fix


@pytest.mark.parametrize("case", SILENT)
def test_what_is_not_to_be_trained_is_silent(case: str) -> None:
    assert names(SILENT[case]) == []
