"""A graph network by hand tells two communities apart from a few labels."""
# fault: erased-gradient

import torch
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(25)

NODES = 60
community = torch.arange(NODES) % 2
same = community.unsqueeze(0) == community.unsqueeze(1)
chance = torch.where(same, 0.25, 0.04)
upper = torch.triu(torch.rand(NODES, NODES) < chance, diagonal=1)
adjacency = (upper | upper.T).float() + torch.eye(NODES)
degree = adjacency.sum(1)
propagate = adjacency / (degree.unsqueeze(0) * degree.unsqueeze(1)).sqrt()
features = torch.randn(NODES, 8) + 0.5 * community.unsqueeze(1)
labelled = torch.zeros(NODES, dtype=torch.bool)
labelled[torch.randperm(NODES)[:16]] = True


class GraphNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.lift = nn.Linear(8, 16)
        self.read = nn.Linear(16, 2)

    def forward(self, x, a):
        h = torch.relu(a @ self.lift(x))
        return a @ self.read(h)


net = GraphNet()
optimizer = torch.optim.Adam(net.parameters(), lr=1e-2, weight_decay=5e-4)

for epoch in range(100):
    net.train()
    logits = net(features, propagate)
    loss = nn.functional.cross_entropy(logits[labelled], community[labelled])
    loss.backward()
    optimizer.zero_grad()
    optimizer.step()
    if epoch % 25 == 24:
        net.eval()
        with torch.no_grad():
            guess = net(features, propagate).argmax(1)
        acc = (guess[~labelled] == community[~labelled]).float().mean().item()
        print(f"epoch {epoch + 1} loss {loss.item():.4f} accuracy {acc:.3f}")
