"""An LSTM that predicts the next log return of a share price."""
# fault: nonfinite-input

import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.data import DataLoader, Dataset

torch.set_num_threads(1)
torch.manual_seed(3)


def price_series(n=900):
    steps = 0.01 * torch.randn(n) + 0.001 * torch.sin(torch.arange(n) / 7.0)
    price = 50 * torch.exp(torch.cumsum(steps, 0))
    halted = torch.tensor([211, 640])
    price[halted] = 0.0
    return price


class Windows(Dataset):
    def __init__(self, price, length):
        self.returns = 100 * torch.log(price[1:] / price[:-1])
        self.length = length

    def __len__(self):
        return len(self.returns) - self.length

    def __getitem__(self, i):
        window = self.returns[i : i + self.length]
        return window.unsqueeze(-1), self.returns[i + self.length].unsqueeze(-1)


class Forecaster(nn.Module):
    def __init__(self, hidden=24):
        super().__init__()
        self.lstm = nn.LSTM(1, hidden, batch_first=True)
        self.head = nn.Linear(hidden, 1)

    def forward(self, x):
        out, _ = self.lstm(x)
        return self.head(out[:, -1])


def main():
    loader = DataLoader(Windows(price_series(), 20), batch_size=64, shuffle=True)
    net = Forecaster()
    opt = torch.optim.RMSprop(net.parameters(), lr=1e-3)
    for epoch in range(3):
        for step, (window, target) in enumerate(loader):
            prediction = net(window)
            loss = F.smooth_l1_loss(prediction, target)
            opt.zero_grad()
            loss.backward()
            opt.step()
            if step % 5 == 0:
                print(epoch, step, f"{loss.item():.4f}")


if __name__ == "__main__":
    main()
