"""Node roles in a random graph: hand-made graph convolution, encoder and read-out."""

# fault: gradientless-parameter
from dataclasses import dataclass

import torch
from torch import Tensor, nn

torch.set_num_threads(1)


@dataclass
class GraphConfig:
    nodes: int = 160
    features: int = 8
    hidden: int = 24
    classes: int = 3
    lr: float = 1e-2
    epochs: int = 100


def community_graph(cfg: GraphConfig) -> tuple[Tensor, Tensor, Tensor]:
    role = torch.randint(0, cfg.classes, (cfg.nodes,))
    same = (role[:, None] == role[None]).float()
    adj = (torch.rand(cfg.nodes, cfg.nodes) < 0.02 + 0.13 * same).float()
    adj = ((adj + adj.T) > 0).float() + torch.eye(cfg.nodes)
    norm = adj.sum(1).rsqrt()
    x = torch.randn(cfg.nodes, cfg.features) + 0.4 * torch.randn(cfg.classes, cfg.features)[role]
    return x, norm[:, None] * adj * norm[None], role


class Convolution(nn.Module):
    def __init__(self, n_in: int, n_out: int) -> None:
        super().__init__()
        self.lin = nn.Linear(n_in, n_out)

    def forward(self, x: Tensor, adj: Tensor) -> Tensor:
        return adj @ self.lin(x)


class RoleNet(nn.Module):
    def __init__(self, cfg: GraphConfig) -> None:
        super().__init__()
        self.conv1 = Convolution(cfg.features, cfg.hidden)
        self.conv2 = Convolution(cfg.hidden, cfg.hidden)
        self.readout = nn.Linear(cfg.hidden, cfg.classes)
        self.activations: dict[str, Tensor] = {}

    def _record(self, name: str, value: Tensor) -> Tensor:
        value = value.detach()
        self.activations[name] = value
        return value

    def forward(self, x: Tensor, adj: Tensor) -> Tensor:
        h = self._record("conv1", self.conv1(x, adj).relu())
        h = self._record("conv2", self.conv2(h, adj).relu())
        return self.readout(h)


torch.manual_seed(4)
cfg = GraphConfig()
x, adj, role = community_graph(cfg)
known = torch.rand(cfg.nodes) < 0.5
model = RoleNet(cfg)
optimizer = torch.optim.Adam(model.parameters(), lr=cfg.lr)
for epoch in range(cfg.epochs):
    logits = model(x, adj)
    loss = nn.functional.cross_entropy(logits[known], role[known])
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if epoch % 25 == 24:
        acc = (logits[~known].argmax(1) == role[~known]).float().mean().item()
        print(f"epoch {epoch} loss {loss.item():.3f} acc {acc:.3f}")
