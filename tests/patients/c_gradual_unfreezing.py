"""Gradual unfreezing: first the head alone, then the body joins the optimizer at a lower rate."""

# fault: none
import torch
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(116)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(8, 40), nn.ReLU(), nn.Linear(40, 40), nn.ReLU())
        self.head = nn.Linear(40, 3)

    def forward(self, x):
        return self.head(self.body(x))


x = torch.randn(1000, 8)
y = torch.stack([x[:, 0], x[:, 1] * 1.2, x[:, 2] + 0.3 * x[:, 3]], 1).argmax(1)
model = Net()
model.body.requires_grad_(False)
optimizer = torch.optim.Adam(model.head.parameters(), lr=1e-2)

for epoch in range(8):
    if epoch == 3:
        model.body.requires_grad_(True)
        optimizer.add_param_group({"params": model.body.parameters(), "lr": 3e-3})
    model.train()
    for rows in torch.randperm(900).split(45):
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(model(x[rows]), y[rows])
        loss.backward()
        optimizer.step()
    model.eval()
    with torch.no_grad():
        accuracy = (model(x[900:]).argmax(1) == y[900:]).float().mean().item()
    print(f"epoch {epoch} loss {loss.item():.3f} accuracy {accuracy:.2f}")
