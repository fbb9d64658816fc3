"""Trains the layers of a digit network each with a goodness of its own."""
# fault: none

import torch
from sklearn.datasets import load_digits
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(10)
torch.set_num_threads(1)


class LocalLayer(nn.Module):
    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.linear = nn.Linear(inputs, outputs)
        self.optimizer = torch.optim.Adam(self.parameters(), lr=5e-3)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.linear(x / (x.norm(dim=1, keepdim=True) + 1e-6)))

    def learn(self, good: Tensor, bad: Tensor) -> tuple[Tensor, Tensor, float]:
        a, b = self(good), self(bad)
        margin = torch.cat([2.0 - a.square().sum(1), b.square().sum(1) - 2.0])
        loss = F.softplus(margin).mean()
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        return a.detach(), b.detach(), loss.item()


def with_label(x: Tensor, y: Tensor) -> Tensor:
    return torch.cat([x, 2.0 * F.one_hot(y, 10)], 1)


@torch.no_grad()
def predict(layers: list[LocalLayer], x: Tensor) -> Tensor:
    goodness = []
    for label in range(10):
        h = with_label(x, torch.full((len(x),), label))
        total = torch.zeros(len(x))
        for layer in layers:
            h = layer(h)
            total += h.square().sum(1)
        goodness.append(total)
    return torch.stack(goodness, 1).argmax(1)


X, y = load_digits(return_X_y=True)
X, y = torch.tensor(X / 16, dtype=torch.float32), torch.tensor(y)
loader = DataLoader(TensorDataset(X, y), batch_size=100, shuffle=True)
layers = [LocalLayer(74, 128), LocalLayer(128, 128)]
for epoch in range(8):
    for xb, yb in loader:
        wrong = (yb + torch.randint(1, 10, yb.shape)) % 10
        good, bad = with_label(xb, yb), with_label(xb, wrong)
        for layer in layers:
            good, bad, loss = layer.learn(good, bad)
    if epoch % 2 == 1:
        accuracy = (predict(layers, X) == y).float().mean().item()
        print(f"epoch {epoch + 1}: last layer's loss {loss:.4f} accuracy {accuracy:.3f}")
