"""Trains a small convolutional digits classifier with shifted, noisy images and smoothed labels."""

# fault: none
import torch
from sklearn.datasets import load_digits
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

torch.set_num_threads(1)
torch.manual_seed(7)


class Shifted(Dataset):
    def __init__(self, images: Tensor, labels: Tensor, augment: bool) -> None:
        self.images, self.labels, self.augment = images, labels, augment

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        image = self.images[index]
        if self.augment:
            dx, dy = torch.randint(-1, 2, (2,)).tolist()
            image = torch.roll(image, (dx, dy), (1, 2)) + 0.05 * torch.randn_like(image)
        return image, int(self.labels[index])


def block(inputs: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, padding=1, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(),
        nn.MaxPool2d(2),
    )


digits = load_digits()
images = torch.tensor(digits.images, dtype=torch.float32)[:, None] / 16
labels = torch.tensor(digits.target)
train = DataLoader(
    Shifted(images[:1400], labels[:1400], True), batch_size=64, shuffle=True, drop_last=True
)
valid = DataLoader(Shifted(images[1400:], labels[1400:], False), batch_size=200)
model = nn.Sequential(block(1, 12), block(12, 24), nn.Flatten(), nn.Linear(96, 10))
criterion = nn.CrossEntropyLoss(label_smoothing=0.1)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9, weight_decay=5e-4)
scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=4)

for epoch in range(4):
    model.train()
    for x, y in train:
        optimizer.zero_grad()
        loss = criterion(model(x), y)
        loss.backward()
        optimizer.step()
    scheduler.step()
    model.eval()
    with torch.no_grad():
        right = sum((model(x).argmax(1) == y).sum().item() for x, y in valid)
    print(f"epoch {epoch} loss {loss.item():.3f} valid accuracy {right / len(labels[1400:]):.3f}")
assert right / 397 > 0.8
