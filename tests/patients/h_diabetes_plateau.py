"""Trains a regression of diabetes progression with a Huber loss and a plateau schedule."""

# fault: none
import argparse

import torch
from sklearn.datasets import load_diabetes
from torch import nn
from torch.utils.data import DataLoader, TensorDataset, random_split

parser = argparse.ArgumentParser()
parser.add_argument("--epochs", type=int, default=12)
parser.add_argument("--lr", type=float, default=3e-3)
parser.add_argument("--hidden", type=int, default=32)
args = parser.parse_args([])

torch.set_num_threads(1)
torch.manual_seed(5)

x, y = load_diabetes(return_X_y=True, scaled=False)
x, y = torch.tensor(x, dtype=torch.float32), torch.tensor(y, dtype=torch.float32)
x = (x - x.mean(0)) / x.std(0)
y = (y - y.mean()) / y.std()
train_set, valid_set = random_split(TensorDataset(x, y), [352, 90])
train_loader = DataLoader(train_set, batch_size=32, shuffle=True)
valid_loader = DataLoader(valid_set, batch_size=90)

model = nn.Sequential(
    nn.Linear(10, args.hidden), nn.Tanh(), nn.Dropout(0.1), nn.Linear(args.hidden, 1), nn.Flatten(0)
)
optimizer = torch.optim.Adam(model.parameters(), lr=args.lr, weight_decay=1e-3)
scheduler = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, factor=0.5, patience=2)
criterion = nn.HuberLoss()


def run_epoch(loader: DataLoader, train: bool) -> float:
    model.train(train)
    total, count = 0.0, 0
    with torch.set_grad_enabled(train):
        for inputs, targets in loader:
            loss = criterion(model(inputs), targets)
            if train:
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
            total += loss.item() * len(inputs)
            count += len(inputs)
    return total / count


history = []
for epoch in range(args.epochs):
    train_loss = run_epoch(train_loader, True)
    valid_loss = run_epoch(valid_loader, False)
    scheduler.step(valid_loss)
    history.append(valid_loss)
    print(
        f"{epoch:2d} train {train_loss:.4f} valid {valid_loss:.4f} lr {optimizer.param_groups[0]['lr']:.1e}"
    )
assert history[-1] < 0.75 * history[0] or history[-1] < 0.3
