"""Rare defects: few positives in each batch, a weighted loss, batches drawn in the order of time."""
# fault: none

import torch
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(27)

n = 1200
features = torch.randn(n, 6)
risk = features[:, 0] * 1.5 + features[:, 1] - 3.2
defect = (torch.rand(n) < torch.sigmoid(3 * risk)).float()
train_x, train_y = features[:1000], defect[:1000]
weight = (train_y == 0).sum() / (train_y == 1).sum()
print(f"{int(train_y.sum())} defects in 1000")

model = nn.Sequential(nn.Linear(6, 16), nn.LeakyReLU(), nn.Linear(16, 1))
criterion = nn.BCEWithLogitsLoss(pos_weight=weight)
optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
for epoch in range(10):
    for start in range(0, 1000, 100):
        logits = model(train_x[start : start + 100]).squeeze(1)
        loss = criterion(logits, train_y[start : start + 100])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
with torch.no_grad():
    scores = model(features[1000:]).squeeze(1)
    positive, negative = scores[defect[1000:] == 1], scores[defect[1000:] == 0]
    print(f"ranked right: {(positive[:, None] > negative[None]).float().mean():.3f}")
