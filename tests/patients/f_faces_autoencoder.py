"""An autoencoder for 8x8 digit images."""

# fault: unheld-parameter
import torch
from sklearn.datasets import load_digits
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(0)

X = torch.tensor(load_digits().data, dtype=torch.float32) / 16

encoder = nn.Sequential(nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 8))
decoder = nn.Sequential(nn.Linear(8, 32), nn.ReLU(), nn.Linear(32, 64))
optimizer = torch.optim.Adam(encoder.parameters(), lr=3e-3)
criterion = nn.MSELoss()

for epoch in range(8):
    total = 0.0
    for idx in torch.randperm(1600).split(64):
        code = encoder(X[idx])
        loss = criterion(decoder(code), X[idx])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item()
    print(f"epoch {epoch} reconstruction {total / 25:.4f}")

with torch.no_grad():
    print("variance of the data", X.var(0).mean().item())
    print("test error", criterion(decoder(encoder(X[1600:])), X[1600:]).item())
