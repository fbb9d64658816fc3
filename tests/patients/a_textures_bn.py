"""A batch-normalised CNN on synthetic textures, with a validation loop."""
# fault: train-mode-evaluation

import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.set_num_threads(1)
torch.manual_seed(0)


def textures(n):
    kind = torch.randint(0, 3, (n,))
    phase = 6.28 * torch.rand(n, 1, 1)
    grid = torch.arange(16.0)
    across = torch.sin(grid[None, None, :] * 1.2 + phase).expand(n, 16, 16)
    down = torch.sin(grid[None, :, None] * 1.2 + phase).expand(n, 16, 16)
    choices = torch.stack([across, down, across * down], 1)
    image = choices[torch.arange(n), kind] + 0.7 * torch.randn(n, 16, 16)
    return TensorDataset(image.unsqueeze(1), kind)


def block(i, o):
    return nn.Sequential(
        nn.Conv2d(i, o, 3, stride=2, padding=1, bias=False),
        nn.BatchNorm2d(o),
        nn.ReLU(inplace=True),
    )


model = nn.Sequential(
    block(1, 12), block(12, 24), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(24, 3)
)
train_loader = DataLoader(textures(480), batch_size=32, shuffle=True)
val_loader = DataLoader(textures(90), batch_size=6)
optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9, weight_decay=1e-4)
criterion = nn.CrossEntropyLoss()


def run_epoch(loader, training):
    total_loss, total_right, total = 0.0, 0, 0
    with torch.set_grad_enabled(training):
        for images, labels in loader:
            outputs = model(images)
            loss = criterion(outputs, labels)
            if training:
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
            total_loss += loss.item() * len(labels)
            total_right += (outputs.argmax(1) == labels).sum().item()
            total += len(labels)
    return total_loss / total, total_right / total


for epoch in range(4):
    model.train()
    train_loss, train_acc = run_epoch(train_loader, training=True)
    val_loss, val_acc = run_epoch(val_loader, training=False)
    print(f"{epoch}: train {train_loss:.3f} {train_acc:.3f} | val {val_loss:.3f} {val_acc:.3f}")
