"""Classifies the nodes of a synthetic citation graph with two graph convolutions."""
# fault: none

import torch
import torch.nn.functional as F
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(25)
NODES, KINDS = 240, 3

kind = torch.arange(NODES) % KINDS
chance = torch.where(kind[:, None] == kind[None, :], 0.06, 0.01)
upper = (torch.rand(NODES, NODES) < chance).float().triu(1)
adjacency = upper + upper.T + torch.eye(NODES)
norm = adjacency.sum(1).rsqrt()
adjacency = norm[:, None] * adjacency * norm[None, :]
features = F.one_hot(kind, KINDS).float() @ torch.randn(KINDS, 16) + 1.5 * torch.randn(NODES, 16)
train = torch.zeros(NODES, dtype=torch.bool)
train[torch.randperm(NODES)[:80]] = True


class GCN(nn.Module):
    def __init__(self):
        super().__init__()
        self.one, self.two = nn.Linear(16, 32), nn.Linear(32, KINDS)

    def forward(self, x):
        h = F.dropout(torch.relu(adjacency @ self.one(x)), 0.3, training=self.training)
        return adjacency @ self.two(h)


net = GCN()
optimizer = torch.optim.Adam(net.parameters(), lr=1e-2, weight_decay=5e-4)
for epoch in range(60):
    net.train()
    loss = F.cross_entropy(net(features)[train], kind[train])
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if epoch % 15 == 14:
        net.eval()
        with torch.no_grad():
            right = (net(features).argmax(1) == kind)[~train].float().mean().item()
        print(f"{epoch + 1}: loss {loss.item():.3f} accuracy of the unseen nodes {right:.3f}")
