"""A recommender with one embedding table for each field, kept in a dict."""
# fault: unregistered-module

import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.set_num_threads(1)
torch.manual_seed(4)

FIELDS = {"user": 60, "movie": 80, "genre": 6}


def ratings(n):
    taste, theme = torch.randn(60, 3), torch.randn(80, 3)
    genre_of = torch.randint(0, 6, (80,))
    user, movie = torch.randint(0, 60, (n,)), torch.randint(0, 80, (n,))
    score = 3 + (taste[user] * theme[movie]).sum(1) * 0.5 + 0.2 * torch.randn(n)
    return TensorDataset(torch.stack([user, movie, genre_of[movie]], 1), score)


class Recommender(nn.Module):
    def __init__(self, fields, dim=8):
        super().__init__()
        self.tables = {name: nn.Embedding(size, dim) for name, size in fields.items()}
        self.mlp = nn.Sequential(nn.Linear(dim * len(fields), 32), nn.ReLU(), nn.Linear(32, 1))

    def forward(self, ids):
        vectors = [table(ids[:, i]) for i, table in enumerate(self.tables.values())]
        return self.mlp(torch.cat(vectors, dim=1)).squeeze(1)


class RatingTask:
    def __init__(self):
        self.model = Recommender(FIELDS)
        self.optimizer = torch.optim.Adagrad(self.model.parameters(), lr=0.05)

    def epoch(self, loader):
        total = 0.0
        for ids, score in loader:
            self.optimizer.zero_grad()
            loss = torch.mean((self.model(ids) - score) ** 2)
            loss.backward()
            self.optimizer.step()
            total += loss.item()
        return total / len(loader)


task = RatingTask()
loader = DataLoader(ratings(1500), batch_size=50, shuffle=True)
for epoch in range(5):
    print(f"epoch {epoch}: mse {task.epoch(loader):.4f}")
