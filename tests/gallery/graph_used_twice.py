"""retain_graph=True with a second backward: two losses of one forward, and a fake judged twice."""

import torch
from torch import nn
from torch.nn import functional


def main() -> None:
    maker, judge = nn.Linear(4, 8), nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 1))
    making = torch.optim.Adam(maker.parameters(), 1e-3)
    judging = torch.optim.Adam(judge.parameters(), 1e-3)
    one, none = torch.ones(16, 1), torch.zeros(16, 1)
    grade = functional.binary_cross_entropy_with_logits
    for _ in range(20):
        fake = maker(torch.randn(16, 4))
        judging.zero_grad()
        loss = grade(judge(torch.randn(16, 8)), one) + grade(judge(fake), none)
        loss.backward(retain_graph=True)
        judging.step()
        making.zero_grad()
        grade(judge(fake), one).backward()
        making.step()
