"""Tell three cultivars of wine apart from their chemistry."""
# fault: unscaled-input

import argparse

import torch
import torch.nn.functional as F
from sklearn.datasets import load_wine
from sklearn.model_selection import train_test_split
from torch import nn

parser = argparse.ArgumentParser()
parser.add_argument("--epochs", type=int, default=20)
parser.add_argument("--batch-size", type=int, default=16)
parser.add_argument("--lr", type=float, default=0.01)
parser.add_argument("--hidden", type=int, default=32)
args = parser.parse_args([])

torch.set_num_threads(1)
torch.manual_seed(0)

wine = load_wine()
x_train, x_val, y_train, y_val = train_test_split(
    torch.tensor(wine.data, dtype=torch.float32),
    torch.tensor(wine.target),
    test_size=0.3,
    random_state=1,
    stratify=wine.target,
)


class Sommelier(nn.Module):
    def __init__(self, n_in, n_hidden, n_out):
        super().__init__()
        self.hidden = nn.Linear(n_in, n_hidden)
        self.out = nn.Linear(n_hidden, n_out)

    def forward(self, x):
        return self.out(torch.relu(self.hidden(x)))


model = Sommelier(13, args.hidden, 3)
opt = torch.optim.SGD(model.parameters(), lr=args.lr)

for epoch in range(args.epochs):
    model.train()
    order = torch.randperm(len(x_train))
    running = 0.0
    for idx in order.split(args.batch_size):
        loss = F.cross_entropy(model(x_train[idx]), y_train[idx])
        opt.zero_grad()
        loss.backward()
        opt.step()
        running += loss.item() * len(idx)
    model.eval()
    with torch.no_grad():
        hits = (model(x_val).argmax(dim=1) == y_val).float().mean().item()
    if epoch % 5 == 4:
        print(f"{epoch + 1:3d}  train {running / len(x_train):.4f}  val acc {hits:.3f}")
