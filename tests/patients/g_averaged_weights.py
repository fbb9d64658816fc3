"""Trains a digit network and scores its exponential moving average."""
# fault: train-mode-evaluation
# missed: a model that is never trained itself, such as a teacher, may be left in train mode on purpose

import copy

import torch
from sklearn.datasets import load_digits
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(8)
torch.set_num_threads(1)


class Average:
    def __init__(self, model: nn.Module, decay: float) -> None:
        self.model = model
        self.shadow = copy.deepcopy(model).requires_grad_(False)
        self.decay = decay

    @torch.no_grad()
    def update(self) -> None:
        for s, p in zip(self.shadow.parameters(), self.model.parameters()):
            s.lerp_(p, 1 - self.decay)
        for s, b in zip(self.shadow.buffers(), self.model.buffers()):
            s.copy_(b)


class Net(nn.Module):
    def __init__(self, width: int = 96) -> None:
        super().__init__()
        self.inner = nn.Sequential(nn.Linear(64, width), nn.BatchNorm1d(width), nn.ReLU())
        self.drop = nn.Dropout(0.5)
        self.head = nn.Linear(width, 10)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.drop(self.inner(x)))


def score(model: nn.Module, average: Average, x: Tensor, y: Tensor) -> tuple[float, float]:
    model.eval()
    with torch.no_grad():
        logits = average.shadow(x)
    model.train()
    return F.cross_entropy(logits, y).item(), (logits.argmax(1) == y).float().mean().item()


X, y = load_digits(return_X_y=True)
X, y = torch.tensor(X / 16).float(), torch.tensor(y)
order = torch.randperm(len(X))
fit, held = order[:1400], order[1400:]
loader = DataLoader(TensorDataset(X[fit], y[fit]), batch_size=56, shuffle=True)

model = Net()
average = Average(model, decay=0.95)
optimizer = torch.optim.AdamW(model.parameters(), lr=4e-3)
for epoch in range(4):
    for xb, yb in loader:
        loss = F.cross_entropy(model(xb), yb)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        average.update()
    val_loss, val_acc = score(model, average, X[held], y[held])
    print(f"epoch {epoch}: held-out loss {val_loss:.4f} accuracy {val_acc:.4f}")
