"""Trains a wine classifier on mixtures of rows with soft labels."""
# fault: none

import torch
from sklearn.datasets import load_wine
from sklearn.preprocessing import StandardScaler
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset


class Mixup:
    """A collate function that mixes each row of a batch with another."""

    def __init__(self, classes: int, alpha: float) -> None:
        self.classes = classes
        self.beta = torch.distributions.Beta(alpha, alpha)

    def __call__(self, rows: list[tuple[Tensor, Tensor]]) -> tuple[Tensor, Tensor]:
        x = torch.stack([a for a, _ in rows])
        y = F.one_hot(torch.stack([b for _, b in rows]), self.classes).float()
        lam = self.beta.sample((len(x), 1))
        other = torch.randperm(len(x))
        return lam * x + (1 - lam) * x[other], lam * y + (1 - lam) * y[other]


torch.manual_seed(22)
torch.set_num_threads(1)
X, y = load_wine(return_X_y=True)
X = torch.tensor(StandardScaler().fit_transform(X), dtype=torch.float32)
y = torch.tensor(y)
loader = DataLoader(
    TensorDataset(X, y), batch_size=16, shuffle=True, collate_fn=Mixup(3, alpha=0.3)
)
model = nn.Sequential(nn.Linear(13, 32), nn.ReLU(), nn.Linear(32, 3))
optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
loss_fn = nn.CrossEntropyLoss(label_smoothing=0.05)
for epoch in range(10):
    for xb, target in loader:
        loss = loss_fn(model(xb), target)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
    if epoch % 3 == 0:
        with torch.no_grad():
            accuracy = (model(X).argmax(1) == y).float().mean().item()
        print(f"epoch {epoch}: loss {loss.item():.4f} accuracy {accuracy:.3f}")
