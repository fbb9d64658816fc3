"""A perceptual loss: the pretrained judge is hidden in a list, to stay out of checkpoints, in eval mode."""

import torch
from torch import nn


class Painter(nn.Module):
    def __init__(self, judge: nn.Module) -> None:
        super().__init__()
        self.net = nn.Sequential(nn.Linear(8, 32), nn.ReLU(), nn.Linear(32, 16))
        self.judge = [judge]

    def forward(self, x: torch.Tensor, picture: torch.Tensor) -> torch.Tensor:
        painted = self.net(x)
        seen, wanted = self.judge[0](painted), self.judge[0](picture)
        return (seen - wanted.detach()).pow(2).mean() + (painted - picture).abs().mean()


def main() -> None:
    judge = nn.Sequential(nn.Linear(16, 16), nn.Tanh(), nn.Linear(16, 4)).eval()
    model = Painter(judge)
    optimizer = torch.optim.Adam(model.parameters(), 1e-2)
    mixing = torch.randn(8, 16)
    for _ in range(30):
        x = torch.randn(16, 8)
        loss = model(x, (x @ mixing).tanh())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
