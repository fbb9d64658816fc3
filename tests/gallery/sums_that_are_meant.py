"""Several backwards for one update, undivided on purpose: domains, episodes, single samples."""

import torch
from torch import nn
from torch.nn import functional


def batch(size: int = 8) -> tuple[torch.Tensor, torch.Tensor]:
    x = torch.randn(size, 6)
    return x, (x[:, 0] > 0).long()


def domains(model: nn.Module, optimizer: torch.optim.Optimizer) -> None:
    for _ in range(10):
        optimizer.zero_grad()
        for shift in (0.0, 0.1, 0.2):
            x, y = batch()
            functional.cross_entropy(model(x + shift), y).backward()
        optimizer.step()


def single_samples(model: nn.Module, optimizer: torch.optim.Optimizer) -> None:
    optimizer.zero_grad()
    for number in range(1, 61):
        x, y = batch(1)
        functional.cross_entropy(model(x), y).backward()
        if number % 6 == 0:
            optimizer.step()
            optimizer.zero_grad()


def episodes(model: nn.Module, optimizer: torch.optim.Optimizer) -> None:
    optimizer.zero_grad()
    for number in range(1, 31):
        states = torch.randn(12, 6)
        choice = torch.distributions.Categorical(logits=model(states))
        actions = choice.sample()
        reward = (actions == (states[:, 0] > 0)).float()
        (-choice.log_prob(actions) * (reward - reward.mean())).mean().backward()
        if number % 5 == 0:
            optimizer.step()
            optimizer.zero_grad()


def main() -> None:
    for kind in (domains, single_samples, episodes):
        model = nn.Sequential(nn.Linear(6, 16), nn.Tanh(), nn.Linear(16, 2))
        kind(model, torch.optim.SGD(model.parameters(), 0.02))
