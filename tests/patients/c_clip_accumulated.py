"""An LSTM language model: gradients of four chunks accumulated, clipped once, norm logged after."""

# fault: none
import torch
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(103)

text = "she sells sea shells on the sea shore and the shells she sells are sea shells " * 12
symbols = sorted(set(text))
data = torch.tensor([symbols.index(c) for c in text])


class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed = nn.Embedding(len(symbols), 16)
        self.lstm = nn.LSTM(16, 48, batch_first=True)
        self.out = nn.Linear(48, len(symbols))

    def forward(self, x):
        return self.out(self.lstm(self.embed(x))[0])


model = Model()
optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
ACCUMULATE, LENGTH = 4, 24

optimizer.zero_grad()
for step in range(1, 161):
    starts = torch.randint(0, len(data) - LENGTH - 1, (8, 1))
    window = data[starts + torch.arange(LENGTH + 1)]
    logits = model(window[:, :-1])
    loss = nn.functional.cross_entropy(logits.flatten(0, 1), window[:, 1:].flatten())
    (loss / ACCUMULATE).backward()
    if step % ACCUMULATE == 0:
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        # an infinite limit only measures
        applied = nn.utils.clip_grad_norm_(model.parameters(), float("inf"))
        optimizer.zero_grad()
        if step % 40 == 0:
            print(f"{step} loss {loss.item():.3f} norm {applied:.3f}")
