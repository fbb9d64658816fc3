"""A frozen encoder, experts seldom chosen, weights averaged by hand: no gradient, on purpose."""

import copy

import torch
from torch import nn
from torch.nn import functional


class Mixture(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.Linear(8, 16).requires_grad_(False)
        self.gate = nn.Linear(16, 8)
        self.experts = nn.ModuleList(nn.Linear(16, 3) for _ in range(8))
        self.average = copy.deepcopy(self.gate)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        hidden = self.encoder(x).relu()
        with torch.no_grad():
            self.average(hidden)
        share = self.gate(hidden).softmax(dim=1)
        chosen = share.argmax(dim=1)
        out = x.new_zeros(len(x), 3)
        for place, expert in enumerate(self.experts):
            mine = chosen == place
            if mine.any():
                out[mine] = expert(hidden[mine]) * share[mine, place, None]
        return out


def main() -> None:
    model = Mixture()
    optimizer = torch.optim.Adam(model.parameters(), 1e-3)
    for _ in range(24):
        x = torch.randn(16, 8)
        loss = functional.cross_entropy(model(x), (x[:, 0] > 0).long())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        with torch.no_grad():
            for slow, fast in zip(model.average.parameters(), model.gate.parameters(), strict=True):
                slow.lerp_(fast, 0.1)
