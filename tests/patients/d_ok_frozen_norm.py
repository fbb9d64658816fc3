"""Fine-tune a convolutional network while its batch-norm statistics stay frozen."""
# fault: none

import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.set_num_threads(1)
torch.manual_seed(64)

digits = load_digits()
x = torch.tensor(digits.images / 16, dtype=torch.float32).unsqueeze(1)
y = torch.tensor(digits.target)

net = nn.Sequential(
    nn.Conv2d(1, 12, 3, padding=1),
    nn.BatchNorm2d(12),
    nn.ReLU(),
    nn.MaxPool2d(2),
    nn.Flatten(),
    nn.Linear(192, 10),
)


def freeze_norm(model):
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.eval()


def fit(rows, epochs, lr, frozen):
    loader = DataLoader(TensorDataset(x[rows], y[rows]), batch_size=32, shuffle=True)
    optimizer = torch.optim.SGD(net.parameters(), lr=lr, momentum=0.9)
    for epoch in range(epochs):
        net.train()
        if frozen:
            freeze_norm(net)
        for xb, yb in loader:
            optimizer.zero_grad()
            loss = nn.functional.cross_entropy(net(xb), yb)
            loss.backward()
            optimizer.step()
        print(f"epoch {epoch} loss {loss.item():.4f} frozen norm {frozen}")


fit(slice(0, 800), 3, 0.05, frozen=False)
fit(slice(800, 1200), 3, 0.01, frozen=True)
net.eval()
with torch.no_grad():
    print("accuracy", (net(x[1200:]).argmax(1) == y[1200:]).float().mean().item())
