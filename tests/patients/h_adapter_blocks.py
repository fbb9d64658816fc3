"""Trains a transformer's decayed and undecayed parameters in two groups on a counting task."""

# fault: unheld-parameter
import torch
from torch import Tensor, nn

torch.set_num_threads(1)
torch.manual_seed(23)


class Counter(nn.Module):
    def __init__(self, width: int = 32, length: int = 10) -> None:
        super().__init__()
        self.embed = nn.Embedding(4, width)
        self.block = nn.TransformerEncoderLayer(width, 4, 64, dropout=0.0, batch_first=True)
        self.regress = nn.Sequential(nn.Linear(width, 32), nn.ReLU(), nn.Linear(32, length + 1))

    def forward(self, ids: Tensor) -> Tensor:
        return self.regress(self.block(self.embed(ids)).mean(dim=1))


def parameter_groups(model: nn.Module, decay: float) -> list[dict]:
    """Matrices of the linear layers decay; biases, norms and embeddings do not."""
    decayed, free = [], []
    for module in model.modules():
        for name, parameter in module.named_parameters(recurse=False):
            if isinstance(module, (nn.LayerNorm, nn.Embedding)) or name.endswith("bias"):
                free.append(parameter)
            elif isinstance(module, nn.MultiheadAttention):
                decayed.append(parameter)
    return [{"params": decayed, "weight_decay": decay}, {"params": free, "weight_decay": 0.0}]


model = Counter()
optimizer = torch.optim.AdamW(parameter_groups(model, 0.01), lr=3e-3)
start = model.regress[0].weight.detach().clone()
for step in range(120):
    ids = torch.randint(0, 4, (64, 10))
    loss = nn.functional.cross_entropy(model(ids), (ids == 0).sum(1))
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if step % 30 == 0 or step == 119:
        print(f"{step} loss {loss.item():.3f}")
print("moved", (model.regress[0].weight.detach() - start).abs().max().item())
