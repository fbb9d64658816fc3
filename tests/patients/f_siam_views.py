"""SimSiam on two noisy views of synthetic prototypes, with an EMA copy for evaluation."""

# fault: none
import copy

import torch
import torch.nn.functional as F
from torch import Tensor, nn

torch.set_num_threads(1)


class SimSiam(nn.Module):
    def __init__(self, dim: int = 20, width: int = 48) -> None:
        super().__init__()
        self.encoder = nn.Sequential(
            nn.Linear(dim, width), nn.BatchNorm1d(width), nn.ReLU(), nn.Linear(width, 16)
        )
        self.predictor = nn.Sequential(nn.Linear(16, 16), nn.ReLU(), nn.Linear(16, 16))

    def forward(self, a: Tensor, b: Tensor) -> Tensor:
        za, zb = self.encoder(a), self.encoder(b)
        pa, pb = self.predictor(za), self.predictor(zb)
        near = F.cosine_similarity(pa, zb.detach()) + F.cosine_similarity(pb, za.detach())
        return -0.5 * near.mean()


@torch.no_grad()
def ema_update(average: nn.Module, model: nn.Module, decay: float) -> None:
    for old, new in zip(average.parameters(), model.parameters(), strict=True):
        old.mul_(decay).add_(new, alpha=1 - decay)
    for old, new in zip(average.buffers(), model.buffers(), strict=True):
        old.copy_(new)


torch.manual_seed(0)
prototypes = torch.randn(6, 20)


def view(label: Tensor) -> Tensor:
    return prototypes[label] + 0.6 * torch.randn(len(label), 20)


model = SimSiam()
average = copy.deepcopy(model).requires_grad_(False).eval()
optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
for step in range(150):
    label = torch.randint(0, 6, (96,))
    loss = model(view(label), view(label))
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    ema_update(average, model, 0.97)
    if step % 50 == 49:
        label = torch.arange(6).repeat(20)
        with torch.no_grad():
            z = F.normalize(average.encoder(view(label)), dim=1)
        near = (z @ z.T).fill_diagonal_(-1).argmax(1)
        hit = (label[near] == label).float().mean().item()
        print(f"step {step} loss {loss.item():.3f} neighbour accuracy {hit:.3f}")
