"""A regression on an endless stream of simulated measurements from two loader workers."""
# fault: cloned-workers

import random

import torch
from torch import nn
from torch.utils.data import DataLoader, IterableDataset

torch.set_num_threads(1)
torch.manual_seed(1)


class Simulator(IterableDataset):
    def __init__(self, samples, seed):
        self.samples = samples
        self.seed = seed

    def __iter__(self):
        source = random.Random(self.seed)
        for _ in range(self.samples):
            angle = source.uniform(-1.5, 1.5)
            speed = source.uniform(0.5, 1.5)
            distance = speed**2 * torch.sin(torch.tensor(2 * angle))
            yield torch.tensor([angle, speed]), distance.unsqueeze(0)


class Range(nn.Module):
    def __init__(self):
        super().__init__()
        self.a = nn.Linear(2, 32)
        self.b = nn.Linear(32, 32)
        self.c = nn.Linear(32, 1)

    def forward(self, x):
        return self.c(torch.tanh(self.b(torch.tanh(self.a(x)))))


def train():
    model = Range()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
    loader = DataLoader(Simulator(400, seed=13), batch_size=20, num_workers=2)
    for epoch in range(3):
        losses = []
        for x, y in loader:
            loss = nn.functional.mse_loss(model(x), y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        print(f"epoch {epoch}: {len(losses)} batches, mse {sum(losses) / len(losses):.4f}")


if __name__ == "__main__":
    train()
