"""A linear probe on a frozen autoencoder: features without gradients, head with them."""
# fault: none

import torch
from sklearn.datasets import load_digits
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(97)

x, y = load_digits(return_X_y=True)
x = torch.tensor(x / 16, dtype=torch.float32)
y = torch.tensor(y)

encoder = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Dropout(0.1), nn.Linear(64, 24))
decoder = nn.Sequential(nn.Linear(24, 64), nn.ReLU(), nn.Linear(64, 64), nn.Sigmoid())
optimizer = torch.optim.Adam([*encoder.parameters(), *decoder.parameters()], lr=3e-3)
for epoch in range(8):
    for rows in torch.randperm(1400).split(70):
        loss = nn.functional.mse_loss(decoder(encoder(x[rows])), x[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    if epoch % 2:
        print(f"epoch {epoch} reconstruction {loss.item():.4f}")

encoder.eval().requires_grad_(False)
probe = nn.Linear(24, 10)
optimizer = torch.optim.Adam(probe.parameters(), lr=1e-2)
for epoch in range(8):
    probe.train()
    for rows in torch.randperm(1400).split(70):
        with torch.no_grad():
            features = encoder(x[rows])
        loss = nn.functional.cross_entropy(probe(features), y[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    probe.eval()
    with torch.no_grad():
        acc = (probe(encoder(x[1400:])).argmax(1) == y[1400:]).float().mean().item()
    if epoch % 2:
        print(f"epoch {epoch} probe loss {loss.item():.4f} accuracy {acc:.3f}")
