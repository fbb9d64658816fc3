"""Iris with the train/val phase loop known from the transfer-learning tutorial."""

# fault: gradless-training
import torch
from sklearn.datasets import load_iris
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset, random_split

torch.set_num_threads(1)
torch.manual_seed(0)

PHASES = ("train", "val")


def load() -> dict[str, DataLoader]:
    x, y = load_iris(return_X_y=True)
    xs = torch.tensor(x, dtype=torch.float32)
    xs = (xs - xs.mean(0)) / xs.std(0)
    parts = random_split(TensorDataset(xs, torch.tensor(y)), [110, 40])
    return {
        phase: DataLoader(part, batch_size=20, shuffle=phase == "train")
        for phase, part in zip(PHASES, parts, strict=True)
    }


def forward(model: nn.Module, x: Tensor, y: Tensor, phase: str) -> tuple[Tensor, Tensor]:
    with torch.set_grad_enabled(phase == "training"):
        logits = model(x)
        return nn.functional.cross_entropy(logits, y), logits


def update(loss: Tensor, optimizer: torch.optim.Optimizer) -> None:
    optimizer.zero_grad()
    loss.requires_grad_(True)
    loss.backward()
    optimizer.step()


def run_phase(
    model: nn.Module, loader: DataLoader, phase: str, optimizer: torch.optim.Optimizer
) -> tuple[float, float]:
    model.train(phase == "train")
    total, hits, count = 0.0, 0, 0
    for x, y in loader:
        loss, logits = forward(model, x, y, phase)
        if phase == "train":
            update(loss, optimizer)
        total += loss.item() * len(x)
        hits += (logits.argmax(1) == y).sum().item()
        count += len(x)
    return total / count, hits / count


loaders = load()
model = nn.Sequential(nn.Linear(4, 32), nn.ReLU(), nn.Linear(32, 3))
optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
for epoch in range(12):
    for phase in PHASES:
        loss, acc = run_phase(model, loaders[phase], phase, optimizer)
        if epoch % 4 == 3:
            print(f"{epoch:2d} {phase:5s} loss {loss:.3f} acc {acc:.3f}")
