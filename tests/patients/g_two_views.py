"""Trains an encoder of digits from two noisy views, against a slow copy of itself."""
# fault: none

import copy

import torch
from sklearn.datasets import load_digits
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader

torch.manual_seed(13)
torch.set_num_threads(1)


def augment(x: Tensor) -> Tensor:
    keep = (torch.rand_like(x) > 0.2).float()
    return x * keep + 0.1 * torch.randn_like(x)


class Branch(nn.Module):
    def __init__(self, dim: int = 32) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Linear(64, 96), nn.BatchNorm1d(96), nn.ReLU(), nn.Linear(96, dim)
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.body(x)


class BYOL:
    def __init__(self, momentum: float = 0.97) -> None:
        self.online = Branch()
        self.predictor = nn.Sequential(nn.Linear(32, 48), nn.ReLU(), nn.Linear(48, 32))
        self.target = copy.deepcopy(self.online).requires_grad_(False)
        self.momentum = momentum
        learned = [*self.online.parameters(), *self.predictor.parameters()]
        self.optimizer = torch.optim.AdamW(learned, lr=2e-3, weight_decay=1e-4)

    def distance(self, a: Tensor, b: Tensor) -> Tensor:
        guess = F.normalize(self.predictor(self.online(a)), dim=1)
        with torch.no_grad():
            wanted = F.normalize(self.target(b), dim=1)
        return 2 - 2 * (guess * wanted).sum(1).mean()

    def step(self, x: Tensor) -> float:
        a, b = augment(x), augment(x)
        loss = self.distance(a, b) + self.distance(b, a)
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        with torch.no_grad():
            for t, o in zip(self.target.parameters(), self.online.parameters()):
                t.lerp_(o, 1 - self.momentum)
        return loss.item()


def neighbour_accuracy(encoder: nn.Module, x: Tensor, y: Tensor) -> float:
    encoder.eval()
    with torch.no_grad():
        z = F.normalize(encoder(x), dim=1)
    encoder.train()
    similarity = (z @ z.T).fill_diagonal_(-1)
    return (y[similarity.argmax(1)] == y).float().mean().item()


X, y = load_digits(return_X_y=True)
x, y = torch.tensor(X / 16, dtype=torch.float32), torch.tensor(y)
loader = DataLoader(x, batch_size=128, shuffle=True, drop_last=True)
learner = BYOL()
for epoch in range(6):
    losses = [learner.step(batch) for batch in loader]
    accuracy = neighbour_accuracy(learner.online, x[:600], y[:600])
    print(f"epoch {epoch}: loss {sum(losses) / len(losses):.4f} neighbours {accuracy:.3f}")
