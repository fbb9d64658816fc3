"""Ordinary least squares on correlated columns by plain gradient descent."""
# fault: zigzag-loss | huge-update

import torch

torch.set_num_threads(1)
torch.manual_seed(49)

base = torch.randn(200, 1)
x = 0.8 * base + 0.6 * torch.randn(200, 6)
x = (x - x.mean(0)) / x.std(0)
y = x @ torch.tensor([1.0, -2.0, 0.5, 0.0, 1.5, -1.0]) + 0.1 * torch.randn(200)

model = torch.nn.Linear(6, 1)
with torch.no_grad():
    model.weight.copy_(torch.tensor([[2.0, 1.0, 2.0, 1.0, 2.0, 1.0]]))
optimizer = torch.optim.SGD(model.parameters(), lr=0.24, momentum=0.0)
criterion = torch.nn.MSELoss()

for step in range(120):
    optimizer.zero_grad()
    loss = criterion(model(x).squeeze(1), y)
    loss.backward()
    optimizer.step()
    if step < 6 or step > 113:
        print(f"step {step}: {loss.item():.4f} w0 {model.weight[0, 0].item():.3f}")
