"""Trains a digits classifier whose model can also be asked for probabilities."""

# fault: probabilities-as-logits
from dataclasses import dataclass

import torch
from sklearn.datasets import load_digits
from torch import Tensor, nn

torch.set_num_threads(1)
torch.manual_seed(11)


@dataclass
class HeadConfig:
    classes: int = 10
    normalise: bool = True


class Classifier(nn.Module):
    def __init__(self, cfg: HeadConfig) -> None:
        super().__init__()
        self.cfg = cfg
        self.body = nn.Sequential(nn.Linear(64, 48), nn.ReLU())
        self.head = nn.Linear(48, cfg.classes)

    def forward(self, x: Tensor) -> Tensor:
        scores = self.head(self.body(x))
        return scores.softmax(-1) if self.cfg.normalise else scores


def training_step(model: Classifier, x: Tensor, y: Tensor) -> Tensor:
    return nn.functional.cross_entropy(model(x), y)


digits = load_digits()
x, y = torch.tensor(digits.data / 16, dtype=torch.float32), torch.tensor(digits.target)
model = Classifier(HeadConfig())
optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
for epoch in range(6):
    for rows in torch.randperm(len(x)).split(64):
        loss = training_step(model, x[rows], y[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    with torch.no_grad():
        accuracy = (model(x).argmax(1) == y).float().mean().item()
    print(f"epoch {epoch} loss {loss.item():.3f} accuracy {accuracy:.3f}")
