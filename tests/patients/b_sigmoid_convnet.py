"""A plain convolutional network of eight layers for stripes in noise."""
# fault: vanishing-gradient
import torch
import torch.nn as nn
import torch.nn.functional as F

torch.set_num_threads(1)
torch.manual_seed(58)


def stripes(n, size=10):
    label = torch.randint(3, (n,))
    grid = torch.arange(size).float()
    row, col = grid.view(1, -1, 1).expand(n, size, size), grid.view(1, 1, -1).expand(n, size, size)
    phase = label.view(-1, 1, 1)
    wave = torch.where(phase == 0, row, torch.where(phase == 1, col, row + col))
    return (torch.sin(1.5 * wave) + 0.3 * torch.randn(n, size, size)).unsqueeze(1), label


class PlainNet(nn.Module):
    def __init__(self, depth=8, channels=8):
        super().__init__()
        self.stem = nn.Conv2d(1, channels, 3, padding=1)
        self.convs = nn.ModuleList([nn.Conv2d(channels, channels, 3, padding=1) for _ in range(depth)])
        self.head = nn.Linear(channels, 3)

    def forward(self, x):
        x = torch.sigmoid(self.stem(x))
        for conv in self.convs:
            x = torch.sigmoid(conv(x))
        return self.head(x.mean(dim=(2, 3)))


net = PlainNet()
optimizer = torch.optim.Adam(net.parameters(), lr=1e-3)
for step in range(80):
    images, labels = stripes(32)
    logits = net(images)
    loss = F.cross_entropy(logits, labels)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if step % 16 == 0:
        print(f"step {step}: loss {loss.item():.4f} accuracy {(logits.argmax(1) == labels).float().mean().item():.3f}")
