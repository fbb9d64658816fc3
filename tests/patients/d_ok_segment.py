"""Segment discs from squares pixel by pixel, in channels-last data and bf16 autocast."""
# fault: none

import torch
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(89)

SIZE = 12
grid = torch.stack(torch.meshgrid(torch.arange(SIZE), torch.arange(SIZE), indexing="ij")).float()


def scenes(n):
    images, masks = torch.rand(n, SIZE, SIZE, 1) * 0.3, torch.zeros(n, SIZE, SIZE).long()
    for i in range(n):
        offset = (grid - torch.randint(3, SIZE - 3, (2, 1, 1))).abs()
        if i % 2:
            inside, label = offset.square().sum(0) <= 8, 1
        else:
            inside, label = offset.amax(0) <= 2, 2
        images[i, :, :, 0] += 0.4 * label * inside
        masks[i][inside] = label
    return images, masks


class Segmenter(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(
            nn.Conv2d(1, 12, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(12, 12, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(12, 3, 1),
        )

    def forward(self, pictures):
        return self.net(pictures.permute(0, 3, 1, 2)).permute(0, 2, 3, 1)


images, masks = scenes(160)
model = Segmenter()
optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)

for epoch in range(8):
    model.train()
    for rows in torch.randperm(120).split(15):
        optimizer.zero_grad()
        with torch.autocast("cpu", dtype=torch.bfloat16):
            scores = model(images[rows])
        loss = nn.functional.cross_entropy(scores.float().reshape(-1, 3), masks[rows].reshape(-1))
        loss.backward()
        optimizer.step()
    model.eval()
    with torch.no_grad():
        right = (model(images[120:]).argmax(-1) == masks[120:])[masks[120:] > 0]
    print(
        f"epoch {epoch}: loss {loss.item():.4f} object accuracy {right.float().mean().item():.3f}"
    )
