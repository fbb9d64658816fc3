"""Trains a graph network, written by hand, to name communities from a few labelled nodes."""
# fault: none

import torch
from torch import Tensor, nn
from torch.nn import functional as F

torch.manual_seed(32)
torch.set_num_threads(1)


def communities(n: int, groups: int) -> tuple[Tensor, Tensor, Tensor]:
    label = torch.arange(n) % groups
    same = label[:, None] == label[None, :]
    link = (torch.rand(n, n) < torch.where(same, 0.12, 0.01)).float().triu(1)
    features = F.one_hot(label, groups).float() + 1.2 * torch.randn(n, groups)
    return features, link + link.T, label


def normalise(adjacency: Tensor) -> Tensor:
    a = adjacency + torch.eye(len(adjacency))
    scale = a.sum(1).rsqrt()
    return scale[:, None] * a * scale[None, :]


class GraphConv(nn.Module):
    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(inputs, outputs))
        self.bias = nn.Parameter(torch.zeros(outputs))
        nn.init.xavier_uniform_(self.weight)

    def forward(self, x: Tensor, a: Tensor) -> Tensor:
        return a @ x @ self.weight + self.bias


class GCN(nn.Module):
    def __init__(self, inputs: int, classes: int) -> None:
        super().__init__()
        self.first, self.second = GraphConv(inputs, 24), GraphConv(24, classes)

    def forward(self, x: Tensor, a: Tensor) -> Tensor:
        h = F.dropout(F.relu(self.first(x, a)), 0.3, training=self.training)
        return self.second(h, a)


x, adjacency, label = communities(200, 4)
a = normalise(adjacency)
known = torch.zeros(200, dtype=torch.bool)
known[torch.randperm(200)[:60]] = True
model = GCN(4, 4)
optimizer = torch.optim.Adam(model.parameters(), lr=1e-2, weight_decay=5e-4)
for epoch in range(100):
    model.train()
    optimizer.zero_grad()
    loss = F.cross_entropy(model(x, a)[known], label[known])
    loss.backward()
    optimizer.step()
    if epoch % 20 == 19:
        model.eval()
        with torch.no_grad():
            accuracy = (model(x, a).argmax(1) == label)[~known].float().mean().item()
        print(f"epoch {epoch + 1}: loss {loss.item():.4f} accuracy elsewhere {accuracy:.3f}")
