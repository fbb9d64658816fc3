"""Crop types from synthetic spectra; the model returns log-probabilities to a plain criterion."""

# fault: none
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.set_num_threads(1)
torch.manual_seed(0)

wave = torch.linspace(0, 1, 32)
label = torch.randint(0, 5, (1000,))
centre = 0.2 + 0.15 * label[:, None].float() + 0.03 * torch.randn(1000, 1)
spectrum = torch.exp(-((wave - centre) ** 2) / 0.02) + 0.15 * torch.randn(1000, 32)

loader = DataLoader(TensorDataset(spectrum[:800], label[:800]), batch_size=40, shuffle=True)
model = nn.Sequential(
    nn.Linear(32, 48), nn.ReLU(), nn.Dropout(0.1), nn.Linear(48, 5), nn.LogSoftmax(dim=1)
)
criterion = nn.CrossEntropyLoss()
optimizer = torch.optim.RMSprop(model.parameters(), lr=1e-3)

for epoch in range(6):
    model.train()
    for xb, yb in loader:
        optimizer.zero_grad()
        loss = criterion(model(xb), yb)
        loss.backward()
        optimizer.step()
    model.eval()
    with torch.no_grad():
        acc = (model(spectrum[800:]).argmax(1) == label[800:]).float().mean().item()
    print(f"epoch {epoch} loss {loss.item():.3f} accuracy {acc:.3f}")
