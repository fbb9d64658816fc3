"""A two-layer network from plain tensors, updated by hand; gradients are cleared after the update."""
# fault: none
import torch

torch.set_num_threads(1)
torch.manual_seed(90)

N, D_in, H, D_out = 64, 20, 40, 3
x = torch.randn(N, D_in)
teacher = torch.randn(D_in, D_out) / D_in**0.5
y = torch.tanh(x @ teacher)

w1 = (torch.randn(D_in, H) / D_in**0.5).requires_grad_()
w2 = (torch.randn(H, D_out) / H**0.5).requires_grad_()
learning_rate = 0.05

for t in range(200):
    prediction = x.mm(w1).clamp(min=0).mm(w2)
    loss = (prediction - y).pow(2).sum() / N
    loss.backward()
    with torch.no_grad():
        w1 -= learning_rate * w1.grad
        w2 -= learning_rate * w2.grad
        w1.grad.zero_()
        w2.grad.zero_()
    if t % 40 == 0:
        print(t, loss.item())
print("final", loss.item())
