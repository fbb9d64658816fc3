"""A one-cycle schedule on a regression of a noisy surface."""

# fault: early-schedule
import torch
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(60)

xy = torch.rand(1600, 2) * 4 - 2
height = torch.sin(xy[:, :1] * 2) * torch.cos(xy[:, 1:]) + 0.05 * torch.randn(1600, 1)

model = nn.Sequential(
    nn.Linear(2, 48), nn.SiLU(), nn.LayerNorm(48), nn.Linear(48, 48), nn.SiLU(), nn.Linear(48, 1)
)
epochs, batch = 6, 64
steps_per_epoch = 1536 // batch
optimizer = torch.optim.RMSprop(model.parameters(), lr=1e-3)
scheduler = torch.optim.lr_scheduler.OneCycleLR(
    optimizer, max_lr=5e-3, epochs=epochs, steps_per_epoch=steps_per_epoch, cycle_momentum=False
)


def run_epoch(epoch):
    total = 0.0
    permutation = torch.randperm(1536)
    for k in range(steps_per_epoch):
        rows = permutation[k * batch : (k + 1) * batch]
        loss = nn.functional.mse_loss(model(xy[rows]), height[rows])
        optimizer.zero_grad()
        loss.backward()
        scheduler.step()
        optimizer.step()
        total += loss.item()
    print(f"epoch {epoch} mse {total / steps_per_epoch:.4f} lr {scheduler.get_last_lr()[0]:.5f}")


for epoch in range(epochs):
    run_epoch(epoch)
