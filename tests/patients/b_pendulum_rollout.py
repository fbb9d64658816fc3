"""Learn the dynamics of a pendulum by unrolling a network over many time steps."""
# fault: exploding-gradient
import torch
import torch.nn as nn

torch.set_num_threads(1)
torch.manual_seed(2)
DT, HORIZON = 0.1, 30


def pendulum(n):
    path = [torch.randn(n, 2)]
    for _ in range(HORIZON):
        angle, speed = path[-1].unbind(1)
        path.append(torch.stack([angle + DT * speed, speed - DT * torch.sin(angle)], 1))
    return torch.stack(path, 1)


class Dynamics(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(2, 32), nn.ReLU(), nn.Linear(32, 2))
        with torch.no_grad():
            for p in self.net[2].parameters():
                p.mul_(0.1)

    def forward(self, start):
        states = [start]
        for _ in range(HORIZON):
            states.append(states[-1] + self.net(states[-1]))
        return torch.stack(states, 1)


model = Dynamics()
optimizer = torch.optim.SGD(model.parameters(), lr=2e-3, momentum=0.9)
for step in range(40):
    truth = pendulum(16)
    loss = ((model(truth[:, 0]) - truth) ** 2).mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if step < 10 or step % 10 == 9:
        print(f"step {step:3d} mean squared error {loss.item():.4g}")
