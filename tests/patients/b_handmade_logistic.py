"""Credit scoring with a cross-entropy written by hand."""
# fault: nonfinite-loss
import torch
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(12)

clients = torch.randn(512, 8)
score = 4 * clients[:, 0] - 3 * clients[:, 1] + 2 * clients[:, 2] * clients[:, 3]
default = (score > 0).float().unsqueeze(1)


def binary_cross_entropy(p, y):
    return -(y * torch.log(p) + (1 - y) * torch.log(1 - p)).mean()


class Scorer(nn.Module):
    def __init__(self):
        super().__init__()
        self.a = nn.Linear(8, 64)
        self.b = nn.Linear(64, 64)
        self.c = nn.Linear(64, 1)

    def forward(self, x):
        x = torch.relu(self.a(x))
        x = torch.relu(self.b(x))
        return torch.sigmoid(self.c(x))


model = Scorer()
optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
for epoch in range(50):
    for rows in torch.randperm(512).split(128):
        p = model(clients[rows])
        loss = binary_cross_entropy(p, default[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    if epoch % 5 == 0:
        with torch.no_grad():
            accuracy = ((model(clients) > 0.5).float() == default).float().mean().item()
        print(f"epoch {epoch} loss {loss.item():.4f} accuracy {accuracy:.3f}")
