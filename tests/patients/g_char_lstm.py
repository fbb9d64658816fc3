"""Trains a character LSTM on a small text."""
# fault: misplaced-clip

import torch
from torch import nn

torch.manual_seed(0)
torch.set_num_threads(1)

text = (
    "the quick brown fox jumps over the lazy dog and the slow green turtle "
    "walks under the old stone bridge while the small grey cat sleeps all day "
) * 6
chars = sorted(set(text))
index = {c: i for i, c in enumerate(chars)}
data = torch.tensor([index[c] for c in text])
seq_len, batch_size = 24, 16


class CharLSTM(nn.Module):
    def __init__(self, vocab, dim=48):
        super().__init__()
        self.embedding = nn.Embedding(vocab, dim)
        self.lstm = nn.LSTM(dim, dim, batch_first=True)
        self.fc = nn.Linear(dim, vocab)

    def forward(self, x):
        out, _ = self.lstm(self.embedding(x))
        return self.fc(out)


model = CharLSTM(len(chars))
optimizer = torch.optim.SGD(model.parameters(), lr=2.0)
criterion = nn.CrossEntropyLoss()

for step in range(120):
    starts = torch.randint(0, len(data) - seq_len - 1, (batch_size,))
    x = torch.stack([data[s : s + seq_len] for s in starts])
    y = torch.stack([data[s + 1 : s + seq_len + 1] for s in starts])
    optimizer.zero_grad()
    loss = criterion(model(x).reshape(-1, len(chars)), y.reshape(-1))
    loss.backward()
    optimizer.step()
    torch.nn.utils.clip_grad_norm_(model.parameters(), 0.25)
    if step % 20 == 0:
        print(f"step {step}: loss {loss.item():.4f}")
