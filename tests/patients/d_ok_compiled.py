"""A compiled network on a two-dimensional pattern, with clipping and averaged weights."""
# fault: none

import torch
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(92)

x = torch.rand(800, 2) * 2 - 1
y = ((3 * x[:, 0]).sin() * (3 * x[:, 1]).cos() > 0).long()

model = nn.Sequential(nn.Linear(2, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 2))
compiled = torch.compile(model, backend="eager")
averaged = {k: v.detach().clone() for k, v in model.state_dict().items()}
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)

for epoch in range(10):
    model.train()
    for rows in torch.randperm(640).split(64):
        loss = nn.functional.cross_entropy(compiled(x[rows]), y[rows])
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        with torch.no_grad():
            for k, v in model.state_dict().items():
                averaged[k].lerp_(v, 0.1)
    print(f"epoch {epoch} loss {loss.item():.4f}")

model.load_state_dict(averaged)
model.eval()
with torch.no_grad():
    print("accuracy", (model(x[640:]).argmax(1) == y[640:]).float().mean().item())
