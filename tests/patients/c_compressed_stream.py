"""A generator that unpacks a compressed record for each sequence."""

# fault: starved-loop
# missed: a generator is no loader, and its time cannot be told from that of an environment that is played
import io
import random
import zlib

import numpy as np
import torch
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(79)
random.seed(79)
rng = np.random.default_rng(79)


def pack(array):
    buffer = io.BytesIO()
    np.save(buffer, array)
    return zlib.compress(buffer.getvalue(), 9)


# long recordings, of which a short window is used
records = [pack(np.cumsum(rng.normal(size=20000)).astype("float32")) for _ in range(12)]


def batches(count, size=8):
    for _ in range(count):
        windows = []
        for _ in range(size):
            recording = np.load(io.BytesIO(zlib.decompress(random.choice(records))))
            start = random.randrange(len(recording) - 33)
            window = recording[start : start + 33]
            windows.append(window - window[0])
        sequences = torch.from_numpy(np.stack(windows)) / 4
        yield sequences[:, :-1].unsqueeze(-1), sequences[:, 1:]


class Walker(nn.Module):
    def __init__(self):
        super().__init__()
        self.rnn = nn.GRU(1, 12, batch_first=True)
        self.out = nn.Linear(12, 1)

    def forward(self, x):
        return self.out(self.rnn(x)[0]).squeeze(-1)


model = Walker()
optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
for step, (x, y) in enumerate(batches(60)):
    loss = nn.functional.mse_loss(model(x), y)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if step % 10 == 0:
        print(f"step {step} mse {loss.item():.4f}")
