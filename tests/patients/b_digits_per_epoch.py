"""Digits with a convolutional network and AdamW, one epoch after the other."""
# fault: stale-gradient
import torch
import torch.nn as nn
from sklearn.datasets import load_digits
from torch.utils.data import DataLoader, TensorDataset, random_split

torch.set_num_threads(1)
torch.manual_seed(37)

digits = load_digits()
full = TensorDataset(torch.tensor(digits.images, dtype=torch.float32)[:, None] / 16, torch.tensor(digits.target))
train_part, valid_part = random_split(full, [1500, 297])
train_dl = DataLoader(train_part, batch_size=50, shuffle=True)
valid_dl = DataLoader(valid_part, batch_size=297)

model = nn.Sequential(
    nn.Conv2d(1, 12, 3, padding=1),
    nn.BatchNorm2d(12),
    nn.ReLU(),
    nn.AdaptiveAvgPool2d(4),
    nn.Flatten(),
    nn.Linear(192, 10),
)
criterion = nn.CrossEntropyLoss()
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)


def train(epoch):
    model.train()
    optimizer.zero_grad()
    total = 0.0
    for images, labels in train_dl:
        outputs = model(images)
        loss = criterion(outputs, labels)
        loss.backward()
        optimizer.step()
        total += loss.item()
    print(f"epoch {epoch} train loss {total / len(train_dl):.4f}")


def validate():
    model.eval()
    with torch.no_grad():
        for images, labels in valid_dl:
            print("accuracy", (model(images).argmax(1) == labels).float().mean().item())


for epoch in range(4):
    train(epoch)
    validate()
