"""Fit a surface z(x, y) with a network and momentum."""
# fault: missing-backward
import torch
import torch.nn.functional as F

torch.set_num_threads(1)
torch.manual_seed(52)
torch.set_default_dtype(torch.float64)

xy = torch.rand(1000, 2) * 2 - 1
z = (xy[:, :1] ** 2 - xy[:, 1:] ** 2) + 0.5 * torch.sin(4 * xy[:, :1])

w1 = torch.nn.Linear(2, 40)
w2 = torch.nn.Linear(40, 40)
w3 = torch.nn.Linear(40, 1)
params = [p for layer in (w1, w2, w3) for p in layer.parameters()]
optimizer = torch.optim.SGD(params, lr=0.05, momentum=0.9)


def net(x):
    return w3(torch.tanh(w2(torch.tanh(w1(x)))))


def train_step(x, target):
    optimizer.zero_grad()
    loss = F.mse_loss(net(x), target)
    loss.backward()
    optimizer.step()
    return loss.item()


for step in range(120):
    rows = torch.randint(len(xy), (50,))
    loss = train_step(xy[rows], z[rows])
    optimizer.step()
    if step % 20 == 0:
        print(f"step {step:3d}: {loss:.5f}")
