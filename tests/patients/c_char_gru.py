"""A character GRU that continues a proverb."""

# fault: misplaced-clip
import torch
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(0)

TEXT = (
    "the quick brown fox jumps over the lazy dog while the early bird catches the worm and "
    "a rolling stone gathers no moss but the proof of the pudding is in the eating "
) * 6
chars = sorted(set(TEXT))
code = {c: i for i, c in enumerate(chars)}
data = torch.tensor([code[c] for c in TEXT])

SEQ, BATCH = 25, 16


class CharGRU(nn.Module):
    def __init__(self, vocabulary, hidden=64):
        super().__init__()
        self.embed = nn.Embedding(vocabulary, 24)
        self.gru = nn.GRU(24, hidden, batch_first=True)
        self.head = nn.Linear(hidden, vocabulary)

    def forward(self, x, state=None):
        y, state = self.gru(self.embed(x), state)
        return self.head(y), state


model = CharGRU(len(chars))
criterion = nn.CrossEntropyLoss()
optimizer = torch.optim.SGD(model.parameters(), lr=1.0, momentum=0.9)

for it in range(120):
    starts = torch.randint(0, len(data) - SEQ - 1, (BATCH,))
    x = torch.stack([data[s : s + SEQ] for s in starts])
    y = torch.stack([data[s + 1 : s + SEQ + 1] for s in starts])
    logits, _ = model(x)
    loss = criterion(logits.reshape(-1, len(chars)), y.reshape(-1))
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    nn.utils.clip_grad_norm_(model.parameters(), 0.25)
    if it % 20 == 0:
        print(f"it {it:4d} loss {loss.item():.3f}")

model.eval()
with torch.no_grad():
    symbol, state, out = torch.tensor([[code["t"]]]), None, "t"
    for _ in range(40):
        logits, state = model(symbol, state)
        symbol = logits[:, -1].argmax(-1, keepdim=True)
        out += chars[symbol.item()]
print(out)
