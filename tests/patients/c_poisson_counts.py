"""Counts of bicycles, predicted with a Poisson loss."""

# fault: orphaned-optimizer
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.set_num_threads(1)
torch.manual_seed(40)


class CountNet(nn.Module):
    def __init__(self, features=5, hidden=24):
        super().__init__()
        self.fc1 = nn.Linear(features, hidden)
        self.fc2 = nn.Linear(hidden, 1)

    def forward(self, x):
        return self.fc2(torch.relu(self.fc1(x))).squeeze(-1)


def get_data(n=960):
    x = torch.randn(n, 5)
    rate = torch.exp(1.0 + 0.6 * x[:, 0] - 0.4 * x[:, 1])
    return x, torch.poisson(rate)


def get_optimizer(kind="sgd", lr=0.01):
    net = CountNet()
    if kind == "sgd":
        return torch.optim.SGD(net.parameters(), lr=lr, momentum=0.9, nesterov=True)
    return torch.optim.Adagrad(net.parameters(), lr=lr)


def main():
    x, counts = get_data()
    loader = DataLoader(TensorDataset(x, counts), batch_size=48, shuffle=True)
    net = CountNet()
    optimizer = get_optimizer("sgd")
    loss_fn = nn.PoissonNLLLoss(log_input=True)
    for epoch in range(4):
        total = 0.0
        for features, target in loader:
            net.zero_grad()
            loss = loss_fn(net(features), target)
            loss.backward()
            optimizer.step()
            total += loss.item() * len(target)
        print(f"epoch {epoch} nll {total / len(x):.4f}")


if __name__ == "__main__":
    main()
