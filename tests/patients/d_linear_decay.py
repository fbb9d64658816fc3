"""A perceptron on the moons with a rate that decays linearly over the run."""
# fault: zero-learning-rate

import torch
from sklearn.datasets import make_moons
from torch import nn, optim
from torch.optim.lr_scheduler import LambdaLR

torch.set_num_threads(1)
torch.manual_seed(43)

x, y = make_moons(600, noise=0.15, random_state=2)
x = torch.tensor(x, dtype=torch.float32)
x = (x - x.mean(0)) / x.std(0)
y = torch.tensor(y)

total_steps = 200
model = nn.Sequential(nn.Linear(2, 32), nn.ReLU(), nn.Linear(32, 32), nn.ReLU(), nn.Linear(32, 2))
optimizer = optim.AdamW(model.parameters(), lr=1e-2)
scheduler = LambdaLR(optimizer, lambda step: (total_steps - step) // total_steps)

step = 0
while step < total_steps:
    for rows in torch.randperm(500).split(50):
        model.train()
        loss = nn.functional.cross_entropy(model(x[rows]), y[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        scheduler.step()
        step += 1
    if step % 40 == 0:
        model.eval()
        with torch.no_grad():
            acc = (model(x[500:]).argmax(1) == y[500:]).float().mean().item()
        print(f"step {step} loss {loss.item():.4f} accuracy {acc:.3f}")
