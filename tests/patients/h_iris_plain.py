"""Trains an iris classifier as in a first tutorial, full batch."""

# fault: none
import torch
import torch.nn as nn
import torch.optim as optim
from sklearn.datasets import load_iris

torch.set_num_threads(1)
torch.manual_seed(42)

iris = load_iris()
X = torch.FloatTensor(iris.data)
y = torch.LongTensor(iris.target)
X = (X - X.mean(0)) / X.std(0)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1 = nn.Linear(4, 16)
        self.fc2 = nn.Linear(16, 16)
        self.out = nn.Linear(16, 3)

    def forward(self, x):
        x = torch.relu(self.fc1(x))
        x = torch.relu(self.fc2(x))
        return self.out(x)


net = Net()
criterion = nn.CrossEntropyLoss()
optimizer = optim.Adam(net.parameters(), lr=0.01)
losses = []
for epoch in range(120):
    optimizer.zero_grad()
    y_pred = net(X)
    loss = criterion(y_pred, y)
    losses.append(loss.item())
    loss.backward()
    optimizer.step()
    if epoch % 20 == 0:
        print("epoch", epoch, "loss", loss.item())

with torch.no_grad():
    acc = (net(X).argmax(1) == y).float().mean()
print("accuracy", acc.item())
assert acc > 0.95
