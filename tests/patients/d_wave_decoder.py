"""A denoising autoencoder for synthetic waves, validated after each epoch."""
# fault: evaluation-graph

import math

import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.set_num_threads(1)
torch.manual_seed(8)

t = torch.linspace(0, 2 * math.pi, 48)
freq = torch.randint(1, 5, (700, 1)).float()
phase = torch.rand(700, 1) * 2 * math.pi
clean = torch.sin(freq * t + phase)
noisy = clean + 0.4 * torch.randn_like(clean)

train_loader = DataLoader(TensorDataset(noisy[:500], clean[:500]), batch_size=25, shuffle=True)
val_loader = DataLoader(TensorDataset(noisy[500:], clean[500:]), batch_size=50)

model = nn.Sequential(
    nn.Linear(48, 64),
    nn.ReLU(),
    nn.Linear(64, 16),
    nn.ReLU(),
    nn.Linear(16, 64),
    nn.ReLU(),
    nn.Linear(64, 48),
)
optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
criterion = nn.MSELoss()

for epoch in range(8):
    model.train()
    train_loss = 0.0
    for x, y in train_loader:
        optimizer.zero_grad()
        loss = criterion(model(x), y)
        loss.backward()
        optimizer.step()
        train_loss += loss.item() / len(train_loader)

    model.eval()
    val_loss = 0.0
    for x, y in val_loader:
        output = model(x)
        loss = criterion(output, y)
        val_loss += loss.item() / len(val_loader)
    print(f"epoch {epoch + 1}: train {train_loss:.4f} val {val_loss:.4f}")
