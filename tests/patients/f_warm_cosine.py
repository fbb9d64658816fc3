"""Majority of bit strings with a transformer, warm-up from zero and cosine down to zero."""

# fault: none
import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn

torch.set_num_threads(1)


@dataclass
class Plan:
    bits: int = 24
    dim: int = 32
    peak: float = 5e-3
    warmup: int = 15
    steps: int = 130
    batch: int = 64

    def factor(self, step: int) -> float:
        if step < self.warmup:
            return step / self.warmup
        done = (step - self.warmup) / (self.steps - self.warmup)
        return 0.5 * (1 + math.cos(math.pi * min(1.0, done)))


class Counter(nn.Module):
    """More ones than zeros?"""

    def __init__(self, plan: Plan) -> None:
        super().__init__()
        self.bit = nn.Embedding(2, plan.dim)
        self.place = nn.Parameter(torch.zeros(plan.bits, plan.dim))
        self.block = nn.TransformerEncoderLayer(plan.dim, 4, 64, dropout=0.1, batch_first=True)
        self.head = nn.Linear(plan.dim, 2)

    def forward(self, bits: Tensor) -> Tensor:
        return self.head(self.block(self.bit(bits) + self.place).mean(1))


def draw(plan: Plan, n: int) -> tuple[Tensor, Tensor]:
    bits = torch.randint(0, 2, (n, plan.bits))
    return bits, (bits.sum(1) > plan.bits // 2).long()


torch.manual_seed(0)
plan = Plan()
model = Counter(plan)
optimizer = torch.optim.AdamW(model.parameters(), lr=plan.peak)
schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, plan.factor)
for step in range(plan.steps):
    bits, label = draw(plan, plan.batch)
    loss = nn.functional.cross_entropy(model(bits), label)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    schedule.step()
    if step % 26 == 25:
        print(f"step {step} loss {loss.item():.3f} rate {optimizer.param_groups[0]['lr']:.2e}")
model.eval()
with torch.inference_mode():
    bits, label = draw(plan, 500)
    print("accuracy", (model(bits).argmax(1) == label).float().mean().item())
