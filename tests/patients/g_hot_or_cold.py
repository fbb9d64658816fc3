"""Trains a binary classifier of temperature profiles with a hand-made metric."""
# fault: broadcast-metric

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset


@dataclass
class Score:
    hits: float = 0.0
    seen: int = 0

    def update(self, logits: Tensor, labels: Tensor) -> None:
        predicted = (logits > 0).long()
        self.hits += (predicted == labels).float().mean().item() * len(labels)
        self.seen += len(labels)

    @property
    def accuracy(self) -> float:
        return self.hits / self.seen


def profiles(n: int) -> tuple[Tensor, Tensor]:
    hot = torch.randint(0, 2, (n,))
    base = torch.sin(torch.linspace(0, 3, 20)) * (2.0 * hot[:, None] - 1)
    return base + torch.randn(n, 20), hot


def evaluate(model: nn.Module, loader: DataLoader) -> Score:
    score = Score()
    model.eval()
    with torch.no_grad():
        for x, hot in loader:
            score.update(model(x), hot)
    return score


torch.manual_seed(22)
torch.set_num_threads(1)
train = DataLoader(TensorDataset(*profiles(640)), batch_size=32, shuffle=True)
test = DataLoader(TensorDataset(*profiles(160)), batch_size=40)
model = nn.Sequential(nn.Linear(20, 16), nn.ReLU(), nn.Linear(16, 1))
optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
loss_fn = nn.BCEWithLogitsLoss()
for epoch in range(5):
    model.train()
    total = 0.0
    for x, hot in train:
        optimizer.zero_grad()
        loss = loss_fn(model(x), hot.float().unsqueeze(1))
        loss.backward()
        optimizer.step()
        total += loss.item()
    accuracy = evaluate(model, test).accuracy
    print(f"epoch {epoch}: loss {total / len(train):.4f} accuracy {accuracy:.3f}")
