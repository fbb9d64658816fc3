"""A character model of a nursery rhyme with weight tying, its loss curve kept for a plot."""
# fault: kept-graph

import torch
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(16)

TEXT = (
    "jack and jill went up the hill to fetch a pail of water "
    "jack fell down and broke his crown and jill came tumbling after "
) * 4
chars = sorted(set(TEXT))
ids = torch.tensor([chars.index(c) for c in TEXT])


class CharModel(nn.Module):
    def __init__(self, n, dim=32):
        super().__init__()
        self.embed = nn.Embedding(n, dim)
        self.rnn = nn.GRU(dim, dim, batch_first=True)
        self.out = nn.Linear(dim, n, bias=False)
        self.out.weight = self.embed.weight

    def forward(self, x):
        h, _ = self.rnn(self.embed(x))
        return self.out(h)


model = CharModel(len(chars))
optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
criterion = nn.CrossEntropyLoss()
loss_curve = []

for step in range(120):
    start = torch.randint(0, len(ids) - 25, (16,))
    window = ids[start.unsqueeze(1) + torch.arange(25)]
    logits = model(window[:, :-1])
    loss = criterion(logits.reshape(-1, len(chars)), window[:, 1:].reshape(-1))
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    loss_curve.append(loss)

smooth = [sum(loss_curve[i : i + 20]) / 20 for i in range(0, 120, 20)]
print("loss curve:", " ".join(f"{v.item():.3f}" for v in smooth))
