"""Detect a pulse hidden in noise with a one-dimensional convolution."""
# fault: swapped-arguments

import torch
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(31)

template = torch.hann_window(12)


def windows(n):
    signal = 0.5 * torch.randn(n, 48)
    present = (torch.rand(n) < 0.5).float()
    start = torch.randint(0, 36, (n,))
    index = start.unsqueeze(1) + torch.arange(12)
    signal.scatter_add_(1, index, 2.0 * present.unsqueeze(1) * template)
    return signal, present


class Detector(nn.Module):
    def __init__(self):
        super().__init__()
        self.filters = nn.Conv1d(1, 8, 11, padding=5)
        self.score = nn.Linear(8, 1)

    def forward(self, x):
        h = torch.relu(self.filters(x.unsqueeze(1)))
        return self.score(h.amax(dim=2)).squeeze(1)


detector = Detector()
criterion = nn.BCEWithLogitsLoss()
optimizer = torch.optim.Adam(detector.parameters(), lr=5e-3)
x_val, y_val = windows(300)

for step in range(160):
    detector.train()
    x, y_true = windows(40)
    optimizer.zero_grad()
    y_pred = detector(x)
    loss = criterion(y_true, y_pred)
    loss.backward()
    optimizer.step()
    if step % 40 == 39:
        detector.eval()
        with torch.no_grad():
            acc = ((detector(x_val) > 0).float() == y_val).float().mean().item()
        print(f"step {step + 1} loss {loss.item():.4f} val acc {acc:.3f}")
