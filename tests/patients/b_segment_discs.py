"""Segment bright discs in noisy pictures with a tiny U-shaped network."""
# fault: single-logit
import torch
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(8)
SIZE = 16


def pictures(n):
    centre = 4 + 8 * torch.rand(n, 2, 1, 1)
    radius = 2 + 3 * torch.rand(n, 1, 1)
    rows = torch.arange(SIZE).view(1, SIZE, 1)
    cols = torch.arange(SIZE).view(1, 1, SIZE)
    mask = ((rows - centre[:, 0]) ** 2 + (cols - centre[:, 1]) ** 2 < radius**2).float()
    return (mask + 0.4 * torch.randn(n, SIZE, SIZE)).unsqueeze(1), mask.unsqueeze(1)


def block(cin, cout):
    return nn.Sequential(nn.Conv2d(cin, cout, 3, padding=1), nn.BatchNorm2d(cout), nn.ReLU(inplace=True))


class MiniUNet(nn.Module):
    def __init__(self, width=8):
        super().__init__()
        self.down = block(1, width)
        self.middle = block(width, 2 * width)
        self.up = nn.ConvTranspose2d(2 * width, width, 2, stride=2)
        self.final = nn.Conv2d(2 * width, 1, 1)

    def forward(self, x):
        skip = self.down(x)
        low = self.middle(nn.functional.max_pool2d(skip, 2))
        return self.final(torch.cat([skip, self.up(low)], dim=1))


def iou(logits, masks):
    guess = logits > 0
    both = (guess & (masks > 0.5)).sum().item()
    either = (guess | (masks > 0.5)).sum().item()
    return both / max(either, 1)


unet = MiniUNet()
loss_fn = nn.CrossEntropyLoss()
optimizer = torch.optim.SGD(unet.parameters(), lr=0.1, momentum=0.9, nesterov=True)
images, masks = pictures(96)
for epoch in range(5):
    unet.train()
    for idx in torch.randperm(96).split(12):
        logits = unet(images[idx])
        loss = loss_fn(logits, masks[idx])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    unet.eval()
    with torch.no_grad():
        test_images, test_masks = pictures(24)
        print("epoch", epoch, "loss", loss.item(), "IoU", iou(unet(test_images), test_masks))
