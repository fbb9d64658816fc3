"""Trains a digits classifier on clean and adversarially moved images together."""

# fault: none
import torch
from sklearn.datasets import load_digits
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset

torch.set_num_threads(1)
torch.manual_seed(26)

digits = load_digits()
x = torch.tensor(digits.data / 16, dtype=torch.float32)
y = torch.tensor(digits.target)
train = DataLoader(TensorDataset(x[:1400], y[:1400]), batch_size=70, shuffle=True)
model = nn.Sequential(nn.Linear(64, 96), nn.ReLU(), nn.Linear(96, 10))
optimizer = torch.optim.AdamW(model.parameters(), lr=5e-3)


def attack(images: Tensor, labels: Tensor, epsilon: float = 0.06) -> Tensor:
    moved = images.clone().requires_grad_(True)
    F.cross_entropy(model(moved), labels).backward()
    return (images + epsilon * moved.grad.sign()).clamp(0, 1).detach()


def step(images: Tensor, labels: Tensor) -> float:
    moved = attack(images, labels)
    optimizer.zero_grad()
    loss = 0.5 * F.cross_entropy(model(images), labels) + 0.5 * F.cross_entropy(
        model(moved), labels
    )
    loss.backward()
    optimizer.step()
    return loss.item()


curve = [step(images, labels) for _ in range(4) for images, labels in train]
moved = attack(x[1400:], y[1400:])
with torch.no_grad():
    clean = (model(x[1400:]).argmax(1) == y[1400:]).float().mean().item()
    robust = (model(moved).argmax(1) == y[1400:]).float().mean().item()
print(f"{curve[0]:.3f} -> {curve[-1]:.3f}; clean {clean:.3f}, attacked {robust:.3f}")
assert clean > 0.85 and robust > 0.5
