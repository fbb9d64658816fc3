"""Trains a breast-cancer classifier after balancing the classes, with a held-out score for each epoch."""

# fault: leaked-validation
import torch
from sklearn.datasets import load_breast_cancer
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset, random_split

torch.set_num_threads(1)
torch.manual_seed(3)


def balance(x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """Repeats rows of the rarer class until the two are as many."""
    rare, common = (y == 0).nonzero().squeeze(1), (y == 1).nonzero().squeeze(1)
    extra = rare[torch.randint(0, len(rare), (3 * len(common) - len(rare),))]
    more = common[torch.randint(0, len(common), (2 * len(common),))]
    rows = torch.cat([rare, extra, common, more])
    return x[rows], y[rows]


def make_loaders(batch_size: int) -> tuple[DataLoader, DataLoader]:
    raw = load_breast_cancer()
    x = torch.tensor((raw.data - raw.data.mean(0)) / raw.data.std(0), dtype=torch.float32)
    x, y = balance(x, torch.tensor(raw.target))
    train, valid = random_split(TensorDataset(x, y), [0.8, 0.2])
    return DataLoader(train, batch_size, shuffle=True), DataLoader(valid, batch_size)


train_loader, valid_loader = make_loaders(64)
model = nn.Sequential(nn.Linear(30, 64), nn.ReLU(), nn.Linear(64, 2))
optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
for epoch in range(4):
    model.train()
    for x, y in train_loader:
        loss = nn.functional.cross_entropy(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    model.eval()
    with torch.no_grad():
        right = sum((model(x).argmax(1) == y).sum().item() for x, y in valid_loader)
    print(f"epoch {epoch} loss {loss.item():.4f} valid {right / len(valid_loader.dataset):.4f}")
