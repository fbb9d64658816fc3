"""A bag-of-words topic classifier trained for a fixed number of steps."""
# fault: repeated-batch

import numpy as np
import torch
import torch.nn.functional as F
from torch.utils.data import DataLoader, TensorDataset

torch.set_num_threads(1)
torch.manual_seed(4)
rng = np.random.default_rng(4)

topics = rng.dirichlet(np.full(80, 0.15), size=6)
labels = rng.integers(0, 6, 1200)
counts = np.stack([rng.multinomial(40, topics[k] * 0.6 + 0.4 / 80) for k in labels])
tfidf = np.log1p(counts).astype(np.float32)

train = TensorDataset(torch.from_numpy(tfidf[:1000]), torch.from_numpy(labels[:1000]))
valid_x, valid_y = torch.from_numpy(tfidf[1000:]), torch.from_numpy(labels[1000:])
loader = DataLoader(train, batch_size=20, shuffle=False)


class TopicModel(torch.nn.Module):
    def __init__(self, vocab, hidden, classes):
        super().__init__()
        self.hidden = torch.nn.Linear(vocab, hidden)
        self.out = torch.nn.Linear(hidden, classes)

    def forward(self, x):
        return self.out(torch.tanh(self.hidden(x)))


model = TopicModel(80, 48, 6)
optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3)
max_steps = 150

for step in range(1, max_steps + 1):
    x, y = next(iter(loader))
    loss = F.cross_entropy(model(x), y)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if step % 30 == 0:
        with torch.no_grad():
            valid = F.cross_entropy(model(valid_x), valid_y).item()
        print(f"step {step}: train {loss.item():.3f} valid {valid:.3f}")
