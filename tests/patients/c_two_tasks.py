"""Two tasks with one trunk, their losses weighed by learned uncertainties."""

# fault: unheld-parameter
import torch
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(33)

x = torch.randn(800, 12)
w = torch.randn(12, 2)
price = torch.tanh(x @ w[:, 0] / 3) + 0.1 * torch.randn(800)
sold = (x @ w[:, 1] + 0.5 * torch.randn(800) > 0).float()


class MultiTask(nn.Module):
    def __init__(self):
        super().__init__()
        self.trunk = nn.Sequential(nn.Linear(12, 40), nn.GELU())
        self.price = nn.Linear(40, 1)
        self.sold = nn.Linear(40, 1)

    def forward(self, x):
        h = self.trunk(x)
        return self.price(h).squeeze(-1), self.sold(h).squeeze(-1)


class UncertaintyLoss(nn.Module):
    """Kendall, Gal, Cipolla 2018."""

    def __init__(self):
        super().__init__()
        self.log_var = nn.Parameter(torch.zeros(2))
        self.mse = nn.MSELoss()
        self.bce = nn.BCEWithLogitsLoss()

    def forward(self, outputs, targets):
        losses = torch.stack([self.mse(outputs[0], targets[0]), self.bce(outputs[1], targets[1])])
        return (torch.exp(-self.log_var) * losses + self.log_var).sum()


net = MultiTask()
criterion = UncertaintyLoss()
optimizer = torch.optim.AdamW(net.parameters(), lr=3e-3, weight_decay=1e-2)

for epoch in range(5):
    order = torch.randperm(700)
    for rows in order.split(70):
        loss = criterion(net(x[rows]), (price[rows], sold[rows]))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    with torch.no_grad():
        p, s = net(x[700:])
        accuracy = ((s > 0).float() == sold[700:]).float().mean()
    sigmas = criterion.log_var.detach().exp().sqrt().tolist()
    print(f"epoch {epoch} loss {loss.item():.3f} accuracy {accuracy:.2f} sigmas {sigmas}")
