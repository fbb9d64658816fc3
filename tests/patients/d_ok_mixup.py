"""Digits with mixed pictures and soft targets, smoothed labels and a cosine rate to zero."""
# fault: none

import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.set_num_threads(1)
torch.manual_seed(82)

x, y = load_digits(return_X_y=True)
x = torch.tensor(x / 16, dtype=torch.float32)
y = torch.tensor(y)
loader = DataLoader(TensorDataset(x[:1400], y[:1400]), batch_size=70, shuffle=True)
EPOCHS = 10

model = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10))
criterion = nn.CrossEntropyLoss(label_smoothing=0.05)
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
warm = torch.optim.lr_scheduler.LinearLR(optimizer, start_factor=1e-3, total_iters=20)
cosine = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=EPOCHS * len(loader) - 20)
schedule = torch.optim.lr_scheduler.SequentialLR(optimizer, [warm, cosine], milestones=[20])
beta = torch.distributions.Beta(0.4, 0.4)

for epoch in range(EPOCHS):
    model.train()
    for xb, yb in loader:
        mix = beta.sample()
        other = torch.randperm(len(xb))
        soft = mix * F.one_hot(yb, 10) + (1 - mix) * F.one_hot(yb[other], 10)
        loss = criterion(model(mix * xb + (1 - mix) * xb[other]), soft)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    model.eval()
    with torch.no_grad():
        acc = (model(x[1400:]).argmax(1) == y[1400:]).float().mean().item()
    rate = schedule.get_last_lr()[0]
    print(f"epoch {epoch} loss {loss.item():.3f} val acc {acc:.3f} lr {rate:.5f}")
