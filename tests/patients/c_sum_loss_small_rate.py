"""A sum of squares over thousands of rows: the small rate fits the large gradient."""

# fault: none
import torch
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(108)

x = torch.randn(5000, 12)
y = torch.sin(x[:, :1]) + 0.5 * x[:, 1:2] + 0.1 * torch.randn(5000, 1)
model = nn.Sequential(nn.Linear(12, 32), nn.Tanh(), nn.Linear(32, 1))
optimizer = torch.optim.SGD(model.parameters(), lr=5e-6, momentum=0.9)
criterion = nn.MSELoss(reduction="sum")

for step in range(150):
    optimizer.zero_grad()
    loss = criterion(model(x), y)
    loss.backward()
    optimizer.step()
    if step % 25 == 0:
        print(step, loss.item(), loss.item() / 5000)
