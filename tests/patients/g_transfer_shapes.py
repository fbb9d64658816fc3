"""Fine-tunes a small image network for a new task with its backbone held fixed."""
# fault: unfrozen-module

import torch
from sklearn.datasets import load_digits
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset


class Classifier(nn.Module):
    def __init__(self, classes: int) -> None:
        super().__init__()
        self.backbone = nn.Sequential(
            nn.Conv2d(1, 16, 3, padding=1),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Conv2d(16, 16, 3, padding=1),
            nn.ReLU(),
            nn.Flatten(),
        )
        self.head = nn.Linear(256, classes)

    def forward(self, images: Tensor) -> Tensor:
        return self.head(self.backbone(images))


def freeze(module: nn.Module) -> None:
    for child in module.children():
        child.requires_grad = False


def train(model: nn.Module, loader: DataLoader, epochs: int, lr: float) -> None:
    optimizer = torch.optim.Adam(model.parameters(), lr=lr)
    for epoch in range(epochs):
        total = 0.0
        for images, labels in loader:
            optimizer.zero_grad()
            loss = F.cross_entropy(model(images), labels)
            loss.backward()
            optimizer.step()
            total += loss.item()
        print(f"  epoch {epoch}: loss {total / len(loader):.4f}")


def loader_of(images: Tensor, labels: Tensor, keep: Tensor) -> DataLoader:
    return DataLoader(TensorDataset(images[keep], labels[keep]), batch_size=64, shuffle=True)


torch.manual_seed(37)
torch.set_num_threads(1)
X, y = load_digits(return_X_y=True)
images = torch.tensor(X / 16, dtype=torch.float32).view(-1, 1, 8, 8)
labels = torch.tensor(y)

print("digits 0 to 6")
model = Classifier(7)
train(model, loader_of(images, labels, labels < 7), epochs=2, lr=2e-3)

print("digits 7 to 9")
model.head = nn.Linear(256, 3)
freeze(model.backbone)
train(model, loader_of(images, labels - 7, labels >= 7), epochs=4, lr=2e-3)
held = sum(p.numel() for p in model.backbone.parameters() if not p.requires_grad)
print("parameters held fixed:", held)
