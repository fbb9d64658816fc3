"""Trains a new head on a frozen convolutional backbone whose norms stay in eval mode."""

# fault: none
import torch
from sklearn.datasets import load_digits
from torch import Tensor, nn

torch.set_num_threads(1)
torch.manual_seed(15)

digits = load_digits()
images = torch.tensor(digits.images / 16, dtype=torch.float32).unsqueeze(1)
labels = torch.tensor(digits.target)


class Backbone(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(1, 16, 3, padding=1),
            nn.BatchNorm2d(16),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Flatten(),
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.layers(x)


class FineTuned(nn.Module):
    def __init__(self, backbone: Backbone, classes: int) -> None:
        super().__init__()
        self.backbone = backbone.requires_grad_(False)
        self.head = nn.Linear(256, classes)

    def train(self, mode: bool = True) -> "FineTuned":
        super().train(mode)
        self.backbone.eval()
        return self

    def forward(self, x: Tensor) -> Tensor:
        with torch.no_grad():
            features = self.backbone(x)
        return self.head(features)


model = FineTuned(Backbone(), 10)
optimizer = torch.optim.Adam(filter(lambda p: p.requires_grad, model.parameters()), lr=1e-2)
order = torch.randperm(len(images), generator=torch.Generator().manual_seed(0))
train, held = order[:1500], order[1500:]
for epoch in range(3):
    model.train()
    for rows in train[torch.randperm(len(train))].split(100):
        loss = nn.functional.cross_entropy(model(images[rows]), labels[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    model.eval()
    with torch.no_grad():
        accuracy = (model(images[held]).argmax(1) == labels[held]).float().mean().item()
    print(f"epoch {epoch} loss {loss.item():.3f} held-out {accuracy:.3f}")
assert accuracy > 0.85
