"""Predict one to five stars by matrix factorisation with a squared error."""
# fault: none
import torch
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(75)

USERS, BOOKS = 50, 40
taste, kind = torch.randn(USERS, 2), torch.randn(BOOKS, 2)
user, book = torch.randint(USERS, (3000,)), torch.randint(BOOKS, (3000,))
stars = (3 + (taste[user] * kind[book]).sum(1) + 0.3 * torch.randn(3000)).round().clamp(1, 5).long()


class Ratings(nn.Module):
    def __init__(self, rank=4):
        super().__init__()
        self.users, self.books = nn.Embedding(USERS, rank), nn.Embedding(BOOKS, rank)
        self.bias = nn.Parameter(torch.tensor(3.0))
        nn.init.normal_(self.users.weight, std=0.3)
        nn.init.normal_(self.books.weight, std=0.3)

    def forward(self, user, book):
        return (self.users(user) * self.books(book)).sum(1) + self.bias


model = Ratings()
optimizer = torch.optim.Adam(model.parameters(), lr=2e-2, weight_decay=1e-5)
loss_fn = nn.MSELoss()
train, test = torch.arange(2600), torch.arange(2600, 3000)
for epoch in range(8):
    total = 0.0
    for rows in train[torch.randperm(len(train))].split(100):
        loss = loss_fn(model(user[rows], book[rows]), stars[rows].float())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item() / 26
    with torch.no_grad():
        rmse = loss_fn(model(user[test], book[test]), stars[test].float()).sqrt().item()
    print(f"epoch {epoch}: train {total:.3f} test rmse {rmse:.3f}")
