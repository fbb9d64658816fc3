"""A stream of noisy spirals, of which every worker makes its own share."""
# fault: none

import torch
from torch import nn
from torch.utils.data import DataLoader, IterableDataset, get_worker_info

torch.set_num_threads(1)
torch.manual_seed(61)


class Spirals(IterableDataset):
    def __init__(self, samples, seed=5):
        self.samples, self.seed = samples, seed

    def __iter__(self):
        info = get_worker_info()
        worker, workers = (info.id, info.num_workers) if info else (0, 1)
        generator = torch.Generator().manual_seed(self.seed + worker)
        for _ in range(self.samples // workers):
            arm = int(torch.randint(0, 2, (1,), generator=generator))
            t = 0.3 + 2.5 * torch.rand(1, generator=generator)
            angle = t * 2 + arm * torch.pi
            point = torch.cat([t * torch.cos(angle), t * torch.sin(angle)]) / 2
            yield point + 0.05 * torch.randn(2, generator=generator), float(arm)


def main():
    model = nn.Sequential(nn.Linear(2, 48), nn.Tanh(), nn.Linear(48, 48), nn.Tanh(), nn.Linear(48, 1), nn.Flatten(0))
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    loader = DataLoader(Spirals(1600), batch_size=40, num_workers=2)
    for epoch in range(4):
        right = 0
        for point, arm in loader:
            logit = model(point)
            loss = nn.functional.binary_cross_entropy_with_logits(logit, arm.float())
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            right += int(((logit > 0) == (arm > 0.5)).sum())
        print(f"epoch {epoch}: {right / 1600:.3f}")


if __name__ == "__main__":
    main()
