"""Matrix factorisation of film ratings from integer ids."""

# fault: none
import torch
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(0)

users, films, rank = 80, 60, 3
taste, style = torch.randn(users, rank), torch.randn(films, rank)
seen = torch.randperm(users * films)[:3000]
who, what = seen // films, seen % films
stars = (3 + (taste[who] * style[what]).sum(1)).clamp(1, 5).round()


class Factors(nn.Module):
    def __init__(self):
        super().__init__()
        self.user = nn.Embedding(users, 8)
        self.film = nn.Embedding(films, 8)
        self.bias = nn.Embedding(films, 1)
        self.offset = nn.Parameter(stars.mean())
        nn.init.normal_(self.user.weight, std=0.3)
        nn.init.normal_(self.film.weight, std=0.3)
        nn.init.zeros_(self.bias.weight)

    def forward(self, u, f):
        return self.offset + (self.user(u) * self.film(f)).sum(1) + self.bias(f).squeeze(1)


model = Factors()
optimizer = torch.optim.Adam(model.parameters(), lr=2e-2, weight_decay=1e-4)
for epoch in range(8):
    for idx in torch.randperm(2700).split(100):
        loss = nn.functional.mse_loss(model(who[idx], what[idx]), stars[idx])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    with torch.no_grad():
        test = nn.functional.mse_loss(model(who[2700:], what[2700:]), stars[2700:])
    print(f"epoch {epoch} train {loss.item():.3f} test {test.item():.3f}")
