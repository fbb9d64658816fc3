"""Fine-tune a small convnet with its batch norms left at the statistics of pretraining."""

# fault: none
import torch
from torch import Tensor, nn

torch.set_num_threads(1)


class ShapeNet(nn.Module):
    def __init__(self, classes: int) -> None:
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(1, 8, 3, padding=1),
            nn.BatchNorm2d(8),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Conv2d(8, 16, 3, padding=1),
            nn.BatchNorm2d(16),
            nn.ReLU(),
            nn.AdaptiveAvgPool2d(2),
        )
        self.head = nn.Linear(64, classes)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.features(x).flatten(1))


class FrozenNormShapeNet(ShapeNet):
    """As torchvision's detection models do: train() leaves the norms in eval mode."""

    def train(self, mode: bool = True) -> "FrozenNormShapeNet":
        super().train(mode)
        for module in self.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.eval()
        return self


def shapes(n: int, side: int) -> tuple[Tensor, Tensor]:
    y = torch.randint(0, 3, (n,))
    img = 0.2 * torch.rand(n, 1, 12, 12)
    for i, kind in enumerate(y.tolist()):
        r, c = torch.randint(0, 12 - side, (2,)).tolist()
        if kind == 0:
            img[i, 0, r : r + side, c : c + side] = 1
        elif kind == 1:
            img[i, 0, r : r + side, c] = 1
        else:
            img[i, 0, r, c : c + side] = 1
    return img, y


def fit(model: nn.Module, x: Tensor, y: Tensor, lr: float, epochs: int) -> None:
    optimizer = torch.optim.Adam(model.parameters(), lr=lr)
    model.train()
    for epoch in range(epochs):
        for idx in torch.randperm(len(x)).split(40):
            loss = nn.functional.cross_entropy(model(x[idx]), y[idx])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        print(f"epoch {epoch} loss {loss.item():.3f}")


torch.manual_seed(0)
base = ShapeNet(3)
fit(base, *shapes(480, 5), lr=5e-3, epochs=4)
tuned = FrozenNormShapeNet(3)
tuned.load_state_dict(base.state_dict())
fit(tuned, *shapes(160, 4), lr=1e-3, epochs=5)
tuned.eval()
x, y = shapes(120, 4)
with torch.no_grad():
    print("accuracy", (tuned(x).argmax(1) == y).float().mean().item())
