"""Early stopping in a class of its own, on a noisy regression."""

# fault: aliased-best
import torch
import torch.nn as nn

torch.set_num_threads(1)
torch.manual_seed(66)

x = torch.randn(600, 8)
y = (x[:, :1] * x[:, 1:2]).tanh() + x[:, 2:3] * 0.5 + 0.3 * torch.randn(600, 1)


class EarlyStopping:
    def __init__(self, patience=6):
        self.patience, self.count = patience, 0
        self.best_loss, self.best_state = float("inf"), None

    def __call__(self, loss, model):
        if loss < self.best_loss:
            self.best_loss, self.count = loss, 0
            self.best_state = {
                name: value.detach().cpu() for name, value in model.state_dict().items()
            }
        else:
            self.count += 1
        return self.count >= self.patience

    def restore(self, model):
        model.load_state_dict(self.best_state)


net = nn.Sequential(nn.Linear(8, 40), nn.ReLU(), nn.Linear(40, 40), nn.ReLU(), nn.Linear(40, 1))
optimizer = torch.optim.Adam(net.parameters(), lr=3e-3)
stopper = EarlyStopping()

for epoch in range(40):
    net.train()
    for rows in torch.randperm(400).split(40):
        loss = nn.functional.mse_loss(net(x[rows]), y[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    net.eval()
    with torch.no_grad():
        val = nn.functional.mse_loss(net(x[400:500]), y[400:500]).item()
    if stopper(val, net):
        print("stopped at epoch", epoch)
        break

stopper.restore(net)
net.eval()
with torch.no_grad():
    print("test", nn.functional.mse_loss(net(x[500:]), y[500:]).item())
