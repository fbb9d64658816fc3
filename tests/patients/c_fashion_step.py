"""Clothes-like blobs classified with StepLR."""

# fault: hasty-schedule
import torch
from sklearn.datasets import make_classification
from torch import nn
from torch.optim.lr_scheduler import StepLR
from torch.utils.data import DataLoader, TensorDataset

torch.set_num_threads(1)
torch.manual_seed(100)

X, y = make_classification(
    2400, 24, n_informative=12, n_classes=5, n_clusters_per_class=2, random_state=4
)
X = torch.tensor((X - X.mean(0)) / X.std(0), dtype=torch.float32)
y = torch.tensor(y)
train = DataLoader(TensorDataset(X[:1920], y[:1920]), batch_size=32, shuffle=True)
test = DataLoader(TensorDataset(X[1920:], y[1920:]), batch_size=96)


class MLP(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(
            nn.Linear(24, 64),
            nn.BatchNorm1d(64),
            nn.ReLU(),
            nn.Linear(64, 64),
            nn.ReLU(),
            nn.Linear(64, 5),
        )

    def forward(self, x):
        return self.net(x)


model = MLP()
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
scheduler = StepLR(optimizer, step_size=10, gamma=0.1)
criterion = nn.CrossEntropyLoss()

for epoch in range(6):
    model.train()
    for data, target in train:
        optimizer.zero_grad()
        loss = criterion(model(data), target)
        loss.backward()
        optimizer.step()
        scheduler.step()
    model.eval()
    test_loss, correct = 0.0, 0
    with torch.no_grad():
        for data, target in test:
            output = model(data)
            test_loss += criterion(output, target).item()
            correct += (output.argmax(1) == target).sum().item()
    print(f"Epoch {epoch}: test loss {test_loss / len(test):.4f}, accuracy {correct / 480:.3f}")
