"""Matrix factorisation of film ratings with a Trainer that keeps its own copy of the model."""

# fault: orphaned-optimizer
import copy

import torch
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(77)

USERS, FILMS = 60, 80
taste, kind = torch.randn(USERS, 3), torch.randn(FILMS, 3)
user = torch.randint(0, USERS, (2400,))
film = torch.randint(0, FILMS, (2400,))
rating = 3 + (taste[user] * kind[film]).sum(1) * 0.6 + 0.2 * torch.randn(2400)


class Factors(nn.Module):
    def __init__(self, rank=6):
        super().__init__()
        self.user = nn.Embedding(USERS, rank)
        self.film = nn.Embedding(FILMS, rank)
        self.user_bias = nn.Embedding(USERS, 1)
        self.film_bias = nn.Embedding(FILMS, 1)
        self.mean = nn.Parameter(torch.tensor(3.0))

    def forward(self, u, f):
        interaction = (self.user(u) * self.film(f)).sum(1)
        return self.mean + interaction + self.user_bias(u)[:, 0] + self.film_bias(f)[:, 0]


class Trainer:
    def __init__(self, model, optimizer, epochs=4, batch=120):
        # each experiment starts from the same weights
        self.model = copy.deepcopy(model)
        self.optimizer = optimizer
        self.epochs, self.batch = epochs, batch

    def run(self):
        for epoch in range(self.epochs):
            squared = 0.0
            for rows in torch.randperm(2000).split(self.batch):
                loss = ((self.model(user[rows], film[rows]) - rating[rows]) ** 2).mean()
                self.model.zero_grad()
                loss.backward()
                self.optimizer.step()
                squared += loss.item() * len(rows)
            print(
                f"epoch {epoch}: train rmse {(squared / 2000) ** 0.5:.3f}, valid {self.validate():.3f}"
            )

    @torch.no_grad()
    def validate(self):
        held = slice(2000, 2400)
        return ((self.model(user[held], film[held]) - rating[held]) ** 2).mean().sqrt().item()


base = Factors()
trainer = Trainer(base, torch.optim.Adam(base.parameters(), lr=0.02))
trainer.run()
