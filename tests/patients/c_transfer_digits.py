"""Transfer: a network trained on digits 0 to 4 is reused for 5 to 9 with a new head."""

# fault: unfrozen-module
import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.set_num_threads(1)
torch.manual_seed(71)

digits = load_digits()
pixels = torch.tensor(digits.data / 16).float()
target = torch.tensor(digits.target)
low, high = target < 5, target >= 5


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.backbone = nn.Sequential(nn.Linear(64, 48), nn.ReLU(), nn.Linear(48, 24), nn.ReLU())
        self.head = nn.Linear(24, 5)

    def forward(self, x):
        return self.head(self.backbone(x))


def train(model, optimizer, x, y, epochs):
    loader = DataLoader(TensorDataset(x, y), batch_size=45, shuffle=True)
    for epoch in range(epochs):
        for xb, yb in loader:
            loss = nn.functional.cross_entropy(model(xb), yb)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        print(f"  epoch {epoch} loss {loss.item():.3f}")


model = Net()
print("source task")
train(model, torch.optim.Adam(model.parameters(), lr=3e-3), pixels[low], target[low], 3)

model.backbone.requires_grad = False
model.head = nn.Linear(24, 5)
print("target task, only the head")
optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
train(model, optimizer, pixels[high], target[high] - 5, 3)
