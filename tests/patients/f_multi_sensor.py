"""Three sensor streams, one encoder each, fused to predict a machine's load."""

# fault: unregistered-module
from dataclasses import dataclass

import torch
from torch import Tensor, nn

torch.set_num_threads(1)


@dataclass(frozen=True)
class Spec:
    name: str
    dim: int


SPECS = (Spec("vibration", 12), Spec("thermal", 6), Spec("acoustic", 20))


def encoder(dim: int, width: int) -> nn.Sequential:
    return nn.Sequential(nn.Linear(dim, width), nn.ReLU(), nn.Linear(width, width), nn.ReLU())


class Fusion(nn.Module):
    def __init__(self, specs: tuple[Spec, ...], width: int = 16) -> None:
        super().__init__()
        self.encoders = {spec.name: encoder(spec.dim, width) for spec in specs}
        self.head = nn.Linear(width * len(specs), 1)

    def forward(self, streams: dict[str, Tensor]) -> Tensor:
        parts = [self.encoders[name](value) for name, value in streams.items()]
        return self.head(torch.cat(parts, dim=-1)).squeeze(-1)


def make_data(n: int) -> tuple[dict[str, Tensor], Tensor]:
    streams = {spec.name: torch.randn(n, spec.dim) for spec in SPECS}
    load = (
        torch.sin(streams["vibration"][:, 0] * 2)
        + streams["thermal"][:, 1] * streams["thermal"][:, 2]
        + streams["acoustic"][:, :3].abs().sum(1)
    )
    return streams, (load - load.mean()) / load.std()


torch.manual_seed(8)
streams, load = make_data(1024)
model = Fusion(SPECS)
optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3, weight_decay=1e-3)
print("parameters:", sum(p.numel() for p in model.parameters()))

for step in range(200):
    idx = torch.randint(0, 1024, (64,))
    batch = {name: value[idx] for name, value in streams.items()}
    loss = nn.functional.mse_loss(model(batch), load[idx])
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if step % 50 == 49:
        print(f"step {step} loss {loss.item():.3f}")
