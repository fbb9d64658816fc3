"""Forward-forward learning: each layer has its own goodness and its own optimizer."""

# fault: none
from dataclasses import dataclass

import torch
from sklearn.datasets import load_digits
from torch import Tensor, nn

torch.set_num_threads(1)


@dataclass
class FFConfig:
    widths: tuple[int, ...] = (74, 100, 100)
    threshold: float = 1.0
    lr: float = 5e-3
    steps: int = 200
    batch: int = 100


class FFLayer(nn.Module):
    def __init__(self, n_in: int, n_out: int, cfg: FFConfig) -> None:
        super().__init__()
        self.linear = nn.Linear(n_in, n_out)
        self.threshold = cfg.threshold
        self.optimizer = torch.optim.Adam(self.parameters(), lr=cfg.lr)

    def forward(self, x: Tensor) -> Tensor:
        return self.linear(x / (x.square().mean(1, keepdim=True).sqrt() + 1e-4)).relu()

    def learn(self, pos: Tensor, neg: Tensor) -> tuple[Tensor, Tensor, float]:
        hp, hn = self(pos), self(neg)
        margin = torch.cat(
            [self.threshold - hp.square().mean(1), hn.square().mean(1) - self.threshold]
        )
        loss = nn.functional.softplus(4 * margin).mean()
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        return hp.detach(), hn.detach(), loss.item()


def overlay(x: Tensor, y: Tensor) -> Tensor:
    return torch.cat([3 * nn.functional.one_hot(y, 10).float(), x], dim=1)


@torch.no_grad()
def predict(layers: list[FFLayer], x: Tensor) -> Tensor:
    scores = []
    for label in range(10):
        h, score = overlay(x, torch.full((len(x),), label)), torch.zeros(len(x))
        for layer in layers:
            h = layer(h)
            score = score + h.square().mean(1)
        scores.append(score)
    return torch.stack(scores, 1).argmax(1)


torch.manual_seed(0)
cfg = FFConfig()
raw = load_digits()
x, y = torch.tensor(raw.data, dtype=torch.float32) / 16, torch.tensor(raw.target)
layers = [FFLayer(a, b, cfg) for a, b in zip(cfg.widths, cfg.widths[1:], strict=False)]
for step in range(cfg.steps):
    idx = torch.randint(0, 1500, (cfg.batch,))
    wrong = (y[idx] + torch.randint(1, 10, (cfg.batch,))) % 10
    pos, neg = overlay(x[idx], y[idx]), overlay(x[idx], wrong)
    losses = []
    for layer in layers:
        pos, neg, value = layer.learn(pos, neg)
        losses.append(round(value, 3))
    if step % 50 == 49:
        acc = (predict(layers, x[1500:]) == y[1500:]).float().mean().item()
        print(f"step {step} losses {losses} accuracy {acc:.3f}")
