"""Predicts star ratings from one to five by the factors of users and films."""
# fault: none

import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset, random_split

torch.set_num_threads(1)
torch.manual_seed(33)
USERS, FILMS, TASTES = 60, 50, 3

taste, style = torch.randn(USERS, TASTES), torch.randn(FILMS, TASTES)
users = torch.randint(0, USERS, (3000,))
films = torch.randint(0, FILMS, (3000,))
pairs = torch.unique(torch.stack([users, films], 1), dim=0)
users, films = pairs.T
stars = (3 + 0.8 * (taste[users] * style[films]).sum(1) + 0.3 * torch.randn(len(users))).round()
data = TensorDataset(users, films, stars.clamp(1, 5))
train_set, test_set = random_split(data, [0.85, 0.15])
train_loader = DataLoader(train_set, batch_size=64, shuffle=True)
test_loader = DataLoader(test_set, batch_size=256)


class Factors(nn.Module):
    def __init__(self, size=6):
        super().__init__()
        self.user, self.film = nn.Embedding(USERS, size), nn.Embedding(FILMS, size)
        self.user_bias, self.film_bias = nn.Embedding(USERS, 1), nn.Embedding(FILMS, 1)
        self.mean = nn.Parameter(torch.tensor(3.0))
        for table in (self.user, self.film):
            nn.init.normal_(table.weight, std=0.3)
        for table in (self.user_bias, self.film_bias):
            nn.init.zeros_(table.weight)

    def forward(self, u, f):
        bias = self.mean + self.user_bias(u).squeeze(1) + self.film_bias(f).squeeze(1)
        return bias + (self.user(u) * self.film(f)).sum(1)


model = Factors()
optimizer = torch.optim.Adam(model.parameters(), lr=2e-2, weight_decay=1e-4)
for epoch in range(8):
    for u, f, s in train_loader:
        loss = nn.functional.mse_loss(model(u, f), s)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    with torch.no_grad():
        wrong = sum(((model(u, f) - s) ** 2).sum().item() for u, f, s in test_loader)
    print(f"epoch {epoch}: train {loss.item():.3f} test rmse {(wrong / len(test_set)) ** 0.5:.3f}")
