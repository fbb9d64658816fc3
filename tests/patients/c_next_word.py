"""Next-word prediction with an exponential schedule."""

# fault: diverging-loss | huge-update
import torch
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(27)

words = ("one two three four five six seven eight nine ten " * 40).split()
vocabulary = sorted(set(words))
ids = torch.tensor([vocabulary.index(w) for w in words])
contexts = ids.unfold(0, 4, 1)
inputs, nexts = contexts[:, :3], contexts[:, 3]


class NextWord(nn.Module):
    def __init__(self, size):
        super().__init__()
        self.table = nn.Embedding(size, 12)
        self.hidden = nn.Linear(36, 40)
        self.out = nn.Linear(40, size)

    def forward(self, x):
        h = torch.tanh(self.hidden(self.table(x).flatten(1)))
        return self.out(h)


model = NextWord(len(vocabulary))
optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
scheduler = torch.optim.lr_scheduler.ExponentialLR(optimizer, gamma=1.6)
loss_fn = nn.CrossEntropyLoss()

for epoch in range(18):
    total, batches = 0.0, 0
    for rows in torch.randperm(len(inputs)).split(25):
        noisy = torch.where(
            torch.rand(len(rows)) < 0.1, torch.randint(0, 10, (len(rows),)), nexts[rows]
        )
        loss = loss_fn(model(inputs[rows]), noisy)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total, batches = total + loss.item(), batches + 1
    scheduler.step()
    print(f"epoch {epoch:2d} loss {total / batches:.3f} lr {optimizer.param_groups[0]['lr']:.3f}")
