"""A CNN on drawn shapes with a validation loss after each epoch."""
# fault: evaluation-graph

import torch
import torch.nn as nn
from torch.utils.data import DataLoader, TensorDataset

torch.set_num_threads(1)
torch.manual_seed(0)


def shapes(n):
    images, labels = 0.2 * torch.randn(n, 1, 14, 14), torch.randint(0, 2, (n,))
    for i in range(n):
        r, c = torch.randint(1, 6, (2,)).tolist()
        if labels[i]:
            images[i, 0, r : r + 7, c : c + 7] += 1
        else:
            images[i, 0, r : r + 7, c] += 1
            images[i, 0, r, c : c + 7] += 1
    return TensorDataset(images, labels)


train_loader = DataLoader(shapes(320), batch_size=32, shuffle=True)
val_loader = DataLoader(shapes(96), batch_size=32)
model = nn.Sequential(
    nn.Conv2d(1, 8, 3, stride=2),
    nn.ReLU(),
    nn.Conv2d(8, 16, 3, stride=2),
    nn.ReLU(),
    nn.Flatten(),
    nn.Dropout(0.2),
    nn.Linear(64, 2),
)
criterion = nn.CrossEntropyLoss()
optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)

for epoch in range(4):
    model.train()
    for images, labels in train_loader:
        optimizer.zero_grad()
        loss = criterion(model(images), labels)
        loss.backward()
        optimizer.step()

    model.eval()
    val_loss, correct = 0.0, 0
    for images, labels in val_loader:
        outputs = model(images)
        val_loss += criterion(outputs, labels).item()
        correct += (outputs.argmax(1) == labels).sum().item()
    print(
        f"epoch {epoch + 1}: val loss {val_loss / len(val_loader):.4f}, val accuracy {correct / 96:.3f}"
    )
