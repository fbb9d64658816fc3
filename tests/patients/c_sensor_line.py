"""A robust line through sensor readings: absolute error, full batch."""

# fault: zigzag-loss | huge-update
import torch
import torch.nn.functional as F
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(2)

temperature = torch.linspace(-1.7, 1.7, 120).unsqueeze(1)
reading = 0.8 * temperature + 0.2 + 0.05 * torch.randn(120, 1)

model = nn.Linear(1, 1)
optimizer = torch.optim.SGD(model.parameters(), lr=0.6)

history = []
for epoch in range(100):
    loss = F.l1_loss(model(temperature), reading)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    history.append(loss.item())

print("first", [round(v, 3) for v in history[:5]])
print("last ", [round(v, 3) for v in history[-8:]])
