"""Trains on iris with the sampler of data-parallel runs, here with one process."""
# fault: frozen-shuffle

import argparse

import torch
from sklearn.datasets import load_iris
from torch import nn
from torch.utils.data import DataLoader, DistributedSampler, TensorDataset

parser = argparse.ArgumentParser()
parser.add_argument("--world-size", type=int, default=1)
parser.add_argument("--rank", type=int, default=0)
parser.add_argument("--epochs", type=int, default=12)
parser.add_argument("--lr", type=float, default=0.05)
args = parser.parse_args([])

torch.manual_seed(0)
torch.set_num_threads(1)

X, y = load_iris(return_X_y=True)
X = torch.tensor(X, dtype=torch.float32)
X = (X - X.mean(0)) / X.std(0)
dataset = TensorDataset(X, torch.tensor(y))
sampler = DistributedSampler(
    dataset, num_replicas=args.world_size, rank=args.rank, shuffle=True, seed=0
)
loader = DataLoader(dataset, batch_size=10, sampler=sampler)

model = nn.Sequential(nn.Linear(4, 16), nn.Tanh(), nn.Linear(16, 3))
optimizer = torch.optim.SGD(model.parameters(), lr=args.lr, momentum=0.9)

for epoch in range(args.epochs):
    correct = 0
    for features, labels in loader:
        logits = model(features)
        loss = nn.functional.cross_entropy(logits, labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        correct += (logits.argmax(1) == labels).sum().item()
    print(f"epoch {epoch:2d} accuracy {correct / len(sampler):.3f}")
