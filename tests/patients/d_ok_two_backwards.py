"""Two losses on one trunk, the second backward on a kept graph with scaled gradients."""
# fault: none

import torch
from sklearn.datasets import load_diabetes
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(88)

x, y = load_diabetes(return_X_y=True)
x = torch.tensor(x, dtype=torch.float32)
y = torch.tensor(y, dtype=torch.float32)
x, y = (x - x.mean(0)) / x.std(0), (y - y.mean()) / y.std()
high = (y > 0).float()


class TwoHeads(nn.Module):
    def __init__(self):
        super().__init__()
        self.trunk = nn.Sequential(nn.Linear(10, 32), nn.ReLU())
        self.amount = nn.Linear(32, 1)
        self.risk = nn.Linear(32, 1)

    def forward(self, x):
        h = self.trunk(x)
        return self.amount(h).squeeze(1), self.risk(h).squeeze(1)


model = TwoHeads()
optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)

for epoch in range(12):
    model.train()
    for rows in torch.randperm(350).split(35):
        optimizer.zero_grad()
        amount, risk = model(x[rows])
        regression = nn.functional.mse_loss(amount, y[rows])
        regression.backward(retain_graph=True)
        classification = nn.functional.binary_cross_entropy_with_logits(risk, high[rows])
        (0.5 * classification).backward()
        optimizer.step()
    if epoch % 3 == 2:
        model.eval()
        with torch.no_grad():
            amount, risk = model(x[350:])
            mse = nn.functional.mse_loss(amount, y[350:]).item()
            acc = ((risk > 0).float() == high[350:]).float().mean().item()
        print(f"epoch {epoch + 1}: val mse {mse:.4f} val acc {acc:.3f}")
