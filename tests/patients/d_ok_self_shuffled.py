"""An iterable dataset that shuffles itself, in batches of changing size, with workers."""
# fault: none

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, IterableDataset, get_worker_info


class Cubes(IterableDataset):
    def __init__(self, n, seed):
        super().__init__()
        rng = np.random.default_rng(seed)
        self.x = rng.uniform(-1, 1, size=(n, 3)).astype(np.float32)
        self.y = (self.x.prod(axis=1) > 0).astype(np.int64)

    def __iter__(self):
        info = get_worker_info()
        part = slice(info.id, None, info.num_workers) if info else slice(None)
        rng = np.random.default_rng(info.seed if info else torch.initial_seed() % 2**32)
        rows = np.arange(len(self.x))[part]
        rng.shuffle(rows)
        while len(rows):
            size = int(rng.integers(16, 48))
            take, rows = rows[:size], rows[size:]
            yield torch.from_numpy(self.x[take]), torch.from_numpy(self.y[take])


torch.set_num_threads(1)
torch.manual_seed(83)

loader = DataLoader(Cubes(1200, 1), batch_size=None, num_workers=2)
test = Cubes(300, 2)
model = nn.Sequential(nn.Linear(3, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 2))
optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)

for epoch in range(5):
    model.train()
    for xb, yb in loader:
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(model(xb), yb)
        loss.backward()
        optimizer.step()
    model.eval()
    with torch.no_grad():
        guess = model(torch.from_numpy(test.x)).argmax(1)
        acc = (guess == torch.from_numpy(test.y)).float().mean().item()
    print(f"epoch {epoch} loss {loss.item():.3f} accuracy {acc:.3f}")
