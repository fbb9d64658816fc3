"""Classify synthetic vowels, each a mixture of two formants, epoch by epoch."""
# fault: flat-loss
# missed: inputs and targets are shuffled apart before any loader; which target each row had is not measured

import torch
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(50)

N, BINS = 900, 32
vowel = torch.randint(0, 5, (N,))
centres = torch.tensor([[4.0, 20.0], [7.0, 16.0], [10.0, 26.0], [13.0, 22.0], [5.0, 12.0]])
axis = torch.arange(BINS).float()
peaks = centres[vowel] + 0.5 * torch.randn(N, 2)
spectrum = torch.exp(-0.1 * (axis - peaks.unsqueeze(-1)) ** 2).sum(1)
spectrum = spectrum + 0.1 * torch.randn(N, BINS)
spectrum = (spectrum - spectrum.mean(0)) / spectrum.std(0)


def batches(x, y, size):
    x = x[torch.randperm(len(x))]
    y = y[torch.randperm(len(y))]
    for start in range(0, len(x), size):
        yield x[start : start + size], y[start : start + size]


model = nn.Sequential(nn.Linear(BINS, 32), nn.ReLU(), nn.Linear(32, 5))
optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)

for epoch in range(18):
    model.train()
    total = 0.0
    for xb, yb in batches(spectrum[:750], vowel[:750], 50):
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(model(xb), yb)
        loss.backward()
        optimizer.step()
        total += loss.item() / 15
    if epoch % 3 == 2:
        model.eval()
        with torch.no_grad():
            acc = (model(spectrum[750:]).argmax(1) == vowel[750:]).float().mean().item()
        print(f"epoch {epoch + 1}: loss {total:.4f} val acc {acc:.3f}")
