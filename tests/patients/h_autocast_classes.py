"""Trains a blob classifier under bfloat16 autocast with clipping and a linear warm-up and decay."""

# fault: none
import torch
from sklearn.datasets import make_blobs
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(13)

x, y = make_blobs(1200, n_features=12, centers=6, cluster_std=3.0, random_state=1)
x = torch.tensor((x - x.mean(0)) / x.std(0), dtype=torch.float32)
y = torch.tensor(y)
model = nn.Sequential(nn.LayerNorm(12), nn.Linear(12, 48), nn.GELU(), nn.Linear(48, 6))
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2, weight_decay=0.05)
steps, warmup = 90, 10


def rate(step: int) -> float:
    if step < warmup:
        return step / warmup
    return max(0.0, (steps - step) / (steps - warmup))


scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, rate)
losses = []
for step in range(steps):
    rows = torch.randint(0, len(x), (96,))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        logits = model(x[rows])
        loss = nn.functional.cross_entropy(logits.float(), y[rows])
    loss.backward()
    norm = nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    scheduler.step()
    optimizer.zero_grad(set_to_none=True)
    losses.append(loss.item())
    if step % 30 == 0:
        print(
            f"{step} loss {loss.item():.3f} norm {norm.item():.3f} lr {scheduler.get_last_lr()[0]:.1e}"
        )
print(losses[0], losses[-1])
assert losses[-1] < 0.5 * losses[0]
