"""Add the marked numbers of ever longer sequences with a recurrent network."""
# fault: exploding-gradient
import torch
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(59)


def adding_problem(n, length):
    values = torch.rand(n, length)
    marks = torch.zeros(n, length)
    marks.scatter_(1, torch.rand(n, length).argsort(1)[:, :2], 1.0)
    return torch.stack([values, marks], dim=2), (values * marks).sum(1, keepdim=True)


rnn = nn.RNN(2, 32, nonlinearity="relu", batch_first=True)
nn.init.eye_(rnn.weight_hh_l0)
nn.init.normal_(rnn.weight_ih_l0, std=0.1)
nn.init.zeros_(rnn.bias_ih_l0)
nn.init.zeros_(rnn.bias_hh_l0)
readout = nn.Linear(32, 1)
optimizer = torch.optim.SGD([*rnn.parameters(), *readout.parameters()], lr=0.01)
criterion = nn.MSELoss()
worst = 0.0

for step in range(90):
    length = 8 + step
    x, y = adding_problem(32, length)
    _, last = rnn(x)
    loss = criterion(readout(last[0]), y)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    worst = max(worst, loss.item())
    if step % 10 == 9:
        print(f"step {step + 1} length {length} loss {loss.item():.4f} worst of the last ten {worst:.4g}")
        worst = 0.0
