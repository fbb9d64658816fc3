"""Two heads, two optimizers, two backwards through one shared trunk."""

# fault: none
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

torch.set_num_threads(1)


@dataclass
class Rates:
    trunk: float = 3e-3
    heads: float = 1e-2


class TwoHeads:
    def __init__(self, rates: Rates) -> None:
        self.trunk = nn.Sequential(nn.Linear(12, 48), nn.ReLU())
        self.style, self.content = nn.Linear(48, 4), nn.Linear(48, 1)
        self.opt_trunk = torch.optim.AdamW(self.trunk.parameters(), lr=rates.trunk)
        self.opt_heads = torch.optim.AdamW(
            [*self.style.parameters(), *self.content.parameters()], lr=rates.heads
        )

    def losses(self, x: Tensor, style: Tensor, content: Tensor) -> tuple[Tensor, Tensor]:
        h = self.trunk(x)
        return (
            F.cross_entropy(self.style(h), style),
            F.mse_loss(self.content(h).squeeze(1), content),
        )

    def step(self, x: Tensor, style: Tensor, content: Tensor) -> tuple[float, float]:
        first, second = self.losses(x, style, content)
        self.opt_trunk.zero_grad()
        self.opt_heads.zero_grad()
        first.backward(retain_graph=True)
        second.backward()
        self.opt_trunk.step()
        self.opt_heads.step()
        return first.item(), second.item()


torch.manual_seed(0)
x = torch.randn(1000, 12)
style = (x[:, :4] * 2).argmax(1)
content = x[:, 4].abs() + x[:, 5]
pair = TwoHeads(Rates())
for step in range(150):
    idx = torch.randint(0, 1000, (64,))
    a, b = pair.step(x[idx], style[idx], content[idx])
    if step % 30 == 29:
        print(f"step {step} style {a:.3f} content {b:.3f}")
