"""Matrix factorisation of a table of film ratings."""
# fault: erased-gradient
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.set_num_threads(1)
torch.manual_seed(40)

USERS, FILMS = 40, 60
taste, style = torch.randn(USERS, 3), torch.randn(FILMS, 3)
users, films = torch.randint(USERS, (2000,)), torch.randint(FILMS, (2000,))
ratings = (3 + (taste[users] * style[films]).sum(1) * 0.5 + 0.2 * torch.randn(2000)).clamp(1, 5)


class Factors(nn.Module):
    def __init__(self, rank):
        super().__init__()
        self.user = nn.Embedding(USERS, rank)
        self.film = nn.Embedding(FILMS, rank)
        self.user_bias = nn.Embedding(USERS, 1)
        self.film_bias = nn.Embedding(FILMS, 1)
        self.mean = nn.Parameter(torch.tensor(3.0))

    def forward(self, u, f):
        dot = (self.user(u) * self.film(f)).sum(1)
        return dot + self.user_bias(u).squeeze(1) + self.film_bias(f).squeeze(1) + self.mean


class Recommender:
    def __init__(self):
        self.net = Factors(4)
        self.optim = torch.optim.Adam(self.net.parameters(), lr=2e-2)
        self.criterion = nn.MSELoss()

    def step(self, u, f, r):
        prediction = self.net(u, f)
        loss = self.criterion(prediction, r)
        loss.backward()
        self.net.zero_grad()
        self.optim.step()
        return loss.item()

    def fit(self, loader, epochs):
        for epoch in range(epochs):
            mean = sum(self.step(*batch) for batch in loader) / len(loader)
            print(f"epoch {epoch}: {mean:.4f}")


loader = DataLoader(TensorDataset(users, films, ratings), batch_size=100, shuffle=True)
Recommender().fit(loader, epochs=4)
