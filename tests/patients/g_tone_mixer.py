"""Trains a network with parameters by hand to separate two tones of a mixture."""
# fault: symmetric-weights

import math

import torch
from torch import Tensor, nn

torch.manual_seed(13)
torch.set_num_threads(1)


def tones(n: int, length: int = 32) -> tuple[Tensor, Tensor]:
    t = torch.arange(length) / length * 2 * math.pi
    gains = torch.rand(n, 2) * 2 - 1
    wave = gains[:, :1] * torch.sin(2 * t) + gains[:, 1:] * torch.cos(5 * t)
    return wave + 0.05 * torch.randn(n, length), gains**2


def constant(*shape: int, value: float = 0.05) -> nn.Parameter:
    return nn.Parameter(torch.full(shape, value))


class ByHand(nn.Module):
    def __init__(self, inputs: int, hidden: int, outputs: int) -> None:
        super().__init__()
        self.p = nn.ParameterDict(
            {
                "w1": constant(inputs, hidden),
                "b1": constant(hidden, value=0.0),
                "w2": constant(hidden, outputs),
                "b2": constant(outputs, value=0.0),
            }
        )

    def forward(self, x: Tensor) -> Tensor:
        hidden = torch.tanh(torch.einsum("bi,ih->bh", x, self.p["w1"]) + self.p["b1"])
        return torch.einsum("bh,ho->bo", hidden, self.p["w2"]) + self.p["b2"]


model = ByHand(32, 48, 2)
optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
wave, gains = tones(1500)
for i in range(200):
    rows = torch.randint(0, len(wave), (64,))
    loss = (model(wave[rows]) - gains[rows]).square().mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if i % 50 == 49:
        print(f"iteration {i + 1}: loss {loss.item():.4f} (variance {gains.var().item():.4f})")
