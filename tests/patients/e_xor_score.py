"""Learns a noisy exclusive-or with one logit and prints the accuracy of each epoch."""
# fault: broadcast-metric

import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.set_num_threads(1)
torch.manual_seed(52)

points = torch.rand(600, 2) * 2 - 1
labels = ((points[:, 0] > 0) ^ (points[:, 1] > 0)).float()
train_loader = DataLoader(TensorDataset(points[:500], labels[:500]), batch_size=25, shuffle=True)
test_loader = DataLoader(TensorDataset(points[500:], labels[500:]), batch_size=25)

net = nn.Sequential(nn.Linear(2, 24), nn.Tanh(), nn.Linear(24, 24), nn.Tanh(), nn.Linear(24, 1))
criterion = nn.BCEWithLogitsLoss()
optimizer = torch.optim.Adam(net.parameters(), lr=1e-2)

for epoch in range(8):
    net.train()
    for xy, label in train_loader:
        optimizer.zero_grad()
        loss = criterion(net(xy), label.unsqueeze(1))
        loss.backward()
        optimizer.step()

    net.eval()
    accuracy = 0.0
    with torch.no_grad():
        for xy, label in test_loader:
            prediction = (torch.sigmoid(net(xy)) > 0.5).float()
            accuracy += (prediction == label).float().mean().item()
    print(f"epoch {epoch}: loss {loss.item():.3f} accuracy {accuracy / len(test_loader):.3f}")
