"""A two-layer network by hand that fits a parabola, with parameters in a list."""
# fault: symmetric-weights

import torch

torch.set_num_threads(1)
torch.manual_seed(27)

x = torch.linspace(-2, 2, 128, dtype=torch.float64).unsqueeze(1)
y = x**2 - 1 + 0.05 * torch.randn_like(x)

hidden = 20
w1 = torch.full((1, hidden), 0.5, dtype=torch.float64, requires_grad=True)
b1 = torch.zeros(hidden, dtype=torch.float64, requires_grad=True)
w2 = torch.full((hidden, 1), 0.5, dtype=torch.float64, requires_grad=True)
b2 = torch.zeros(1, dtype=torch.float64, requires_grad=True)


def model(x):
    return torch.relu(x @ w1 + b1) @ w2 + b2


optimizer = torch.optim.SGD([w1, b1, w2, b2], lr=5e-3)
for step in range(200):
    optimizer.zero_grad()
    error = model(x) - y
    loss = (error**2).mean()
    loss.backward()
    optimizer.step()
    if step % 40 == 39:
        print(f"step {step + 1}: {loss.item():.5f}")
