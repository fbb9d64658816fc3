"""House prices: a network trained with a loss kept comparable between data set sizes."""

# fault: tiny-update
import torch
from sklearn.datasets import make_regression
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(14)

X, y = make_regression(4000, 16, n_informative=8, noise=5.0, random_state=2)
X = torch.tensor(X, dtype=torch.float32)
y = torch.tensor((y - y.mean()) / y.std(), dtype=torch.float32)
X_train, y_train, X_valid, y_valid = X[:3600], y[:3600], X[3600:], y[3600:]


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.l1 = nn.Linear(16, 64)
        self.l2 = nn.Linear(64, 64)
        self.l3 = nn.Linear(64, 1)

    def forward(self, x):
        x = torch.relu(self.l1(x))
        x = torch.relu(self.l2(x))
        return self.l3(x).squeeze(-1)


net = Net()
optimizer = torch.optim.SGD(net.parameters(), lr=0.01)
batch_size = 40

for epoch in range(3):
    permutation = torch.randperm(len(X_train))
    for i in range(0, len(X_train), batch_size):
        index = permutation[i : i + batch_size]
        error = net(X_train[index]) - y_train[index]
        loss = error.pow(2).mean() / len(X_train)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    with torch.no_grad():
        rmse = (net(X_valid) - y_valid).pow(2).mean().sqrt()
    print(f"epoch {epoch}  loss {loss.item():.3e}  validation rmse {rmse.item():.4f}")
