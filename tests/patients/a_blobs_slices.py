"""A softmax classifier on five Gaussian clouds, trained by slicing arrays."""
# fault: sorted-batches

import numpy as np
import torch
import torch.nn as nn

torch.set_num_threads(1)
torch.manual_seed(5)
rng = np.random.default_rng(5)

centers = rng.normal(0, 2, (5, 4))
X = np.concatenate([c + rng.normal(0, 0.8, (120, 4)) for c in centers]).astype(np.float32)
y = np.concatenate([np.full(120, k) for k in range(5)])
X = torch.from_numpy((X - X.mean(0)) / X.std(0))
y = torch.from_numpy(y).long()

model = nn.Sequential(nn.Linear(4, 32), nn.ReLU(), nn.Linear(32, 5))
loss_fn = nn.CrossEntropyLoss()
sgd = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
BATCH = 20

history = []
for epoch in range(8):
    for i in range(0, len(X), BATCH):
        x_batch = X[i : i + BATCH]
        y_batch = y[i : i + BATCH]
        logits = model(x_batch)
        loss = loss_fn(logits, y_batch)
        sgd.zero_grad()
        loss.backward()
        sgd.step()
        history.append(loss.item())
    with torch.no_grad():
        accuracy = (model(X).argmax(1) == y).float().mean()
    print(f"epoch {epoch}: mean loss {np.mean(history[-30:]):.3f}, accuracy on all {accuracy:.3f}")
