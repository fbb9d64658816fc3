"""Two tasks on one trunk, each with a backward of its own before the common update."""
# fault: none
import torch
import torch.nn as nn
import torch.nn.functional as F

torch.set_num_threads(1)
torch.manual_seed(86)

x = torch.randn(600, 8)
kind = (x[:, 0] + x[:, 1] > 0).long() + (x[:, 2] > 0).long()
amount = (x[:, 3] * x[:, 4]).unsqueeze(1)


class TwoHeads(nn.Module):
    def __init__(self):
        super().__init__()
        self.trunk = nn.Sequential(nn.Linear(8, 48), nn.ReLU())
        self.kind = nn.Linear(48, 3)
        self.amount = nn.Sequential(nn.Linear(48, 24), nn.ReLU(), nn.Linear(24, 1))

    def forward(self, x):
        h = self.trunk(x)
        return self.kind(h), self.amount(h)


model = TwoHeads()
optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
for epoch in range(12):
    for rows in torch.randperm(600).split(50):
        scores, value = model(x[rows])
        loss_kind = F.cross_entropy(scores, kind[rows])
        loss_amount = F.mse_loss(value, amount[rows])
        optimizer.zero_grad()
        loss_kind.backward(retain_graph=True)
        loss_amount.backward()
        optimizer.step()
    if epoch % 3 == 2:
        print(f"epoch {epoch}: kind {loss_kind.item():.3f} amount {loss_amount.item():.3f}")
