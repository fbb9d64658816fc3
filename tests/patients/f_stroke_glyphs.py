"""Recognise four drawn stroke glyphs (bar, dash, slash, cross) in 12x12 images."""

# fault: sorted-batches
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

torch.set_num_threads(1)


@dataclass(frozen=True)
class Config:
    per_class: int = 200
    batch_size: int = 40
    epochs: int = 4
    lr: float = 0.05
    seed: int = 7


def draw(kind: int, rng: torch.Generator) -> Tensor:
    img = torch.rand(12, 12, generator=rng) * 0.3
    at = int(torch.randint(2, 10, (1,), generator=rng))
    eye = torch.eye(12)
    if kind in (0, 3):
        img[:, at] = 1.0
    if kind in (1, 3):
        img[at, :] = 1.0
    if kind == 2:
        img = torch.maximum(img, eye.roll(at, 0))
    return img


class Glyphs(Dataset[tuple[Tensor, int]]):
    """Renders every glyph once, in the constructor."""

    def __init__(self, per_class: int, seed: int) -> None:
        rng = torch.Generator().manual_seed(seed)
        self.items: list[tuple[Tensor, int]] = []
        for kind in range(4):
            self.items += [(draw(kind, rng)[None], kind) for _ in range(per_class)]

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, i: int) -> tuple[Tensor, int]:
        return self.items[i]


def make_loaders(cfg: Config) -> tuple[DataLoader, DataLoader]:
    kwargs = dict(batch_size=cfg.batch_size, drop_last=False)
    return (
        DataLoader(Glyphs(cfg.per_class, cfg.seed), **kwargs),
        DataLoader(Glyphs(50, cfg.seed + 1), **kwargs),
    )


cfg = Config()
torch.manual_seed(cfg.seed)
train_loader, val_loader = make_loaders(cfg)
model = nn.Sequential(
    nn.Conv2d(1, 8, 3, padding=1),
    nn.ReLU(),
    nn.MaxPool2d(3),
    nn.Flatten(),
    nn.Linear(128, 4),
)
optimizer = torch.optim.SGD(model.parameters(), lr=cfg.lr, momentum=0.9)

for epoch in range(cfg.epochs):
    model.train()
    for images, labels in train_loader:
        loss = nn.functional.cross_entropy(model(images), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    model.eval()
    with torch.no_grad():
        hits = sum((model(x).argmax(1) == y).sum().item() for x, y in val_loader)
    print(f"epoch {epoch} last loss {loss.item():.3f} val acc {hits / 200:.3f}")
