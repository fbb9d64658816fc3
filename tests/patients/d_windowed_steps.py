"""Classify synthetic blobs with the update made once in a window of batches."""
# fault: missing-update

import torch
from sklearn.datasets import make_blobs
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.set_num_threads(1)
torch.manual_seed(37)

accum_steps = 4
x, y = make_blobs(n_samples=960, centers=5, n_features=6, cluster_std=3.0, random_state=1)
x = torch.tensor(x, dtype=torch.float32)
x = (x - x.mean(0)) / x.std(0)
y = torch.tensor(y)
loader = DataLoader(TensorDataset(x[:768], y[:768]), batch_size=16, shuffle=True)

model = nn.Sequential(nn.Linear(6, 32), nn.ReLU(), nn.Linear(32, 5))
optimizer = torch.optim.AdamW(model.parameters(), lr=5e-3)
criterion = nn.CrossEntropyLoss()

for epoch in range(5):
    model.train()
    running = 0.0
    for step, (xb, yb) in enumerate(loader):
        if step % accum_steps == 0:
            optimizer.zero_grad()
        loss = criterion(model(xb), yb)
        (loss / accum_steps).backward()
        running += loss.item()
        if step % accum_steps == accum_steps:
            optimizer.step()
    model.eval()
    with torch.no_grad():
        accuracy = (model(x[768:]).argmax(dim=1) == y[768:]).float().mean().item()
    print(f"epoch {epoch}: loss {running / len(loader):.4f}, accuracy {accuracy:.3f}")
