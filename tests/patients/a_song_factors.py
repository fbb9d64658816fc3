"""Matrix factorisation with biases and negative sampling for songs."""
# fault: none

import torch
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(25)

USERS, SONGS = 50, 120
taste, style = torch.randn(USERS, 4), torch.randn(SONGS, 4)
liked = taste @ style.t() > 2.0
pairs = liked.nonzero()
pairs = pairs[torch.randperm(len(pairs))]
train, test = pairs[: int(0.9 * len(pairs))], pairs[int(0.9 * len(pairs)) :]


class Factors(nn.Module):
    def __init__(self, dim=8):
        super().__init__()
        self.user, self.song = nn.Embedding(USERS, dim), nn.Embedding(SONGS, dim)
        self.bias = nn.Embedding(SONGS, 1)
        nn.init.normal_(self.user.weight, std=0.1)
        nn.init.normal_(self.song.weight, std=0.1)
        nn.init.zeros_(self.bias.weight)

    def forward(self, user, song):
        return (self.user(user) * self.song(song)).sum(1) + self.bias(song).squeeze(1)


model = Factors()
optimizer = torch.optim.Adam(model.parameters(), lr=2e-2)
for epoch in range(12):
    for chunk in train[torch.randperm(len(train))].split(64):
        user, song = chunk.t()
        other = torch.randint(0, SONGS, song.shape)
        loss = -nn.functional.logsigmoid(model(user, song) - model(user, other)).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    if epoch % 4 == 3:
        with torch.no_grad():
            user, song = test.t()
            other = torch.randint(0, SONGS, song.shape)
            auc = (model(user, song) > model(user, other)).float().mean().item()
        print(f"epoch {epoch + 1}: loss {loss.item():.3f}, ranked right {auc:.3f}")
