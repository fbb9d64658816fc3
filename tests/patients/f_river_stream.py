"""River levels streamed by two workers; the iterable dataset mixes its own rows."""

# fault: none
from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, IterableDataset, get_worker_info

torch.set_num_threads(1)


class Gauges(IterableDataset[tuple[Tensor, Tensor]]):
    def __init__(self, n: int, seed: int) -> None:
        rng = np.random.default_rng(seed)
        rain = rng.gamma(1.0, 1.0, size=(n, 6)).astype("float32")
        level = rain @ np.array([0.1, 0.3, 0.5, 0.4, 0.2, 0.1], dtype="float32")
        self.x, self.y = rain - 1, (level - level.mean()) / level.std()
        self.seed, self.epoch = seed, 0

    def set_epoch(self, epoch: int) -> None:
        self.epoch = epoch

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        info = get_worker_info()
        worker, workers = (info.id, info.num_workers) if info else (0, 1)
        rng = np.random.default_rng((self.seed, self.epoch, worker))
        rows = np.arange(worker, len(self.x), workers)
        rng.shuffle(rows)
        for i in rows:
            noisy = self.x[i] + 0.05 * rng.standard_normal(6, dtype="float32")
            yield torch.from_numpy(noisy), torch.tensor(self.y[i])


if __name__ == "__main__":
    torch.manual_seed(0)
    gauges = Gauges(800, 3)
    loader = DataLoader(gauges, batch_size=40, num_workers=2)
    model = nn.Sequential(nn.Linear(6, 24), nn.ReLU(), nn.Linear(24, 1))
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    for epoch in range(4):
        gauges.set_epoch(epoch)
        losses = []
        for x, y in loader:
            loss = nn.functional.huber_loss(model(x).squeeze(1), y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        print(f"epoch {epoch} loss {sum(losses) / len(losses):.4f}")
