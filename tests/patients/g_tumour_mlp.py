"""Trains an MLP on the breast cancer data with a small step function."""
# fault: repeated-batch

import torch
from sklearn.datasets import load_breast_cancer
from sklearn.preprocessing import StandardScaler
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(11)
torch.set_num_threads(1)


def load() -> tuple[Tensor, Tensor]:
    X, y = load_breast_cancer(return_X_y=True)
    return torch.tensor(StandardScaler().fit_transform(X)).float(), torch.tensor(y)


def train_step(net: nn.Module, opt: torch.optim.Optimizer, x: Tensor, y: Tensor) -> float:
    opt.zero_grad()
    loss = nn.functional.cross_entropy(net(x), y)
    loss.backward()
    opt.step()
    return loss.item()


X, y = load()
order = torch.randperm(len(X))
train, test = order[:450], order[450:]
loader = DataLoader(TensorDataset(X[train], y[train]), batch_size=16, shuffle=True)
net = nn.Sequential(nn.Linear(30, 64), nn.GELU(), nn.Linear(64, 2))
opt = torch.optim.AdamW(net.parameters(), lr=3e-3)

# look at one batch before the run
inputs, targets = next(iter(loader))
print("batch", tuple(inputs.shape), "labels", targets.tolist())
with torch.no_grad():
    print("initial loss", nn.functional.cross_entropy(net(inputs), targets).item())

for epoch in range(4):
    seen = 0.0
    for xb, yb in loader:
        seen += train_step(net, opt, inputs, targets)
    with torch.no_grad():
        logits = net(X[test])
        test_loss = nn.functional.cross_entropy(logits, y[test]).item()
        accuracy = (logits.argmax(1) == y[test]).float().mean().item()
    print(f"epoch {epoch}: train {seen / len(loader):.4f} test {test_loss:.4f} acc {accuracy:.3f}")
