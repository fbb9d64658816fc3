"""Trains a convolutional digit classifier with rates taken from a configuration dictionary."""
# fault: tiny-update

import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

CONFIG = {
    "seed": 50,
    "batch_size": 48,
    "epochs": 5,
    "base_lr": 3e-4,
    "reference_batch": 256,
    "weight_decay": 1e-4,
}
torch.set_num_threads(1)
torch.manual_seed(CONFIG["seed"])

digits = load_digits()
x = torch.tensor(digits.images / 16.0, dtype=torch.float32).unsqueeze(1)
y = torch.tensor(digits.target)
loader = DataLoader(TensorDataset(x, y), batch_size=CONFIG["batch_size"], shuffle=True)

net = nn.Sequential(
    nn.Conv2d(1, 8, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(128, 10)
)
scaled_lr = CONFIG["base_lr"] / CONFIG["reference_batch"] / CONFIG["batch_size"]
optimizer = torch.optim.AdamW(net.parameters(), lr=scaled_lr, weight_decay=CONFIG["weight_decay"])
criterion = nn.CrossEntropyLoss()

for epoch in range(CONFIG["epochs"]):
    total, right = 0.0, 0
    for image, label in loader:
        out = net(image)
        loss = criterion(out, label)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item() * len(label)
        right += (out.detach().argmax(1) == label).sum().item()
    print(f"epoch {epoch}: loss {total / len(x):.5f} accuracy {right / len(x):.3f}")
