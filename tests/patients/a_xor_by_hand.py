"""XOR with two matrices written by hand."""
# fault: linear-stack

import torch

torch.set_num_threads(1)
torch.manual_seed(51)

x = torch.tensor([[0.0, 0], [0, 1], [1, 0], [1, 1]]).repeat(8, 1) * 2 - 1
y = (x[:, :1] * x[:, 1:] < 0).float()
w1 = (torch.randn(2, 8) * 0.7).requires_grad_()
b1 = torch.zeros(8, requires_grad=True)
w2 = (torch.randn(8, 1) * 0.35).requires_grad_()
b2 = torch.zeros(1, requires_grad=True)
optimizer = torch.optim.Adam([w1, b1, w2, b2], lr=0.02)


def network(x):
    hidden = x @ w1 + b1
    return hidden @ w2 + b2


for step in range(120):
    logits = network(x)
    loss = torch.nn.functional.binary_cross_entropy_with_logits(logits, y)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if step % 30 == 29:
        with torch.no_grad():
            accuracy = ((network(x) > 0).float() == y).float().mean().item()
        print(f"step {step + 1}: loss {loss.item():.4f} accuracy {accuracy:.2f}")
