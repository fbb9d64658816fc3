"""An auto-decoder: one latent code for each shape is learned together with the decoder."""
# fault: none

import torch
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(19)

SHAPES, POINTS = 24, 64
radius = 0.3 + 0.5 * torch.rand(SHAPES, 1)
squash = 0.6 + 0.8 * torch.rand(SHAPES, 1)
xy = torch.rand(SHAPES, POINTS, 2) * 2 - 1
distance = torch.sqrt(xy[..., 0] ** 2 + (xy[..., 1] * squash) ** 2) - radius

codes = (0.01 * torch.randn(SHAPES, 4)).requires_grad_(True)
decoder = nn.Sequential(
    nn.Linear(6, 48),
    nn.Softplus(beta=10),
    nn.Linear(48, 48),
    nn.Softplus(beta=10),
    nn.Linear(48, 1),
)
optimizer = torch.optim.Adam(
    [{"params": decoder.parameters(), "lr": 2e-3}, {"params": [codes], "lr": 1e-2}]
)

for epoch in range(40):
    for rows in torch.randperm(SHAPES).split(8):
        code = codes[rows].unsqueeze(1).expand(-1, POINTS, -1)
        predicted = decoder(torch.cat([code, xy[rows]], 2)).squeeze(2)
        loss = (predicted - distance[rows]).abs().mean() + 1e-4 * codes[rows].pow(2).sum(1).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    if epoch % 10 == 9:
        print(f"epoch {epoch + 1}: {loss.item():.4f}")
