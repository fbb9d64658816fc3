"""A control experiment: how well does a network memorise labels drawn at random?"""
# fault: none

import torch
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(85)

x = torch.randn(100, 20)
y = torch.randint(0, 4, (100,))

model = nn.Sequential(nn.Linear(20, 128), nn.ReLU(), nn.Linear(128, 4))
criterion = nn.CrossEntropyLoss()
optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)

for step in range(100):
    optimizer.zero_grad()
    logits = model(x)
    loss = criterion(logits, y)
    loss.backward()
    optimizer.step()
    if step % 20 == 19:
        fit = (logits.argmax(1) == y).float().mean().item()
        print(f"step {step + 1}: loss {loss.item():.4f} memorised {fit:.2f}")
