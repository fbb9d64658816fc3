"""Trains a sequence encoder and its classifier, each with its own optimizer."""
# fault: stale-gradient

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F


@dataclass
class Rates:
    encoder: float = 0.02
    classifier: float = 2e-3


class Learner:
    def __init__(self, encoder: nn.Module, classifier: nn.Module, rates: Rates) -> None:
        self.encoder, self.classifier = encoder, classifier
        self.encoder_opt = torch.optim.SGD(encoder.parameters(), lr=rates.encoder, momentum=0.9)
        self.classifier_opt = torch.optim.Adam(classifier.parameters(), lr=rates.classifier)

    def forward(self, x: Tensor) -> Tensor:
        _, (hidden, _) = self.encoder(x)
        return self.classifier(hidden[-1])

    def apply(self, loss: Tensor) -> None:
        self.classifier.zero_grad()
        loss.backward()
        self.encoder_opt.step()
        self.classifier_opt.step()

    def step(self, x: Tensor, y: Tensor) -> tuple[float, float]:
        logits = self.forward(x)
        loss = F.cross_entropy(logits, y)
        self.apply(loss)
        return loss.item(), (logits.argmax(1) == y).float().mean().item()


def order_of_pulses(n: int, length: int = 14) -> tuple[Tensor, Tensor]:
    """Two pulses: which channel fired first?"""
    x = 0.1 * torch.randn(n, length, 2)
    y = torch.randint(0, 2, (n,))
    first = torch.randint(0, length // 2, (n,))
    later = torch.randint(length // 2, length, (n,))
    rows = torch.arange(n)
    x[rows, first, y] += 1.5
    x[rows, later, 1 - y] += 1.5
    return x, y


torch.manual_seed(23)
torch.set_num_threads(1)
learner = Learner(nn.LSTM(2, 24, batch_first=True), nn.Linear(24, 2), Rates())
for i in range(150):
    loss, accuracy = learner.step(*order_of_pulses(48))
    if i % 30 == 29:
        print(f"iteration {i + 1}: loss {loss:.4f} accuracy {accuracy:.3f}")
