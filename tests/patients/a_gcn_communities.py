"""A graph convolution network for communities, semi-supervised, on the whole graph at once."""
# fault: none

import torch
import torch.nn.functional as F
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(0)

N, CLASSES = 150, 3
community = torch.arange(N) % CLASSES
same = community[:, None] == community[None, :]
edges = torch.rand(N, N) < torch.where(same, 0.12, 0.01)
adjacency = ((edges | edges.t()).float() + torch.eye(N)).clamp(max=1)
degree = adjacency.sum(1).rsqrt()
propagate = degree[:, None] * adjacency * degree[None, :]
features = torch.randn(N, 8) + 0.5 * F.one_hot(community, 8).float()
train_mask = torch.zeros(N, dtype=torch.bool)
train_mask[torch.randperm(N)[:45]] = True


class GCN(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = nn.Linear(8, 16, bias=False)
        self.second = nn.Linear(16, CLASSES, bias=False)

    def forward(self, x, graph):
        x = F.relu(graph @ self.first(x))
        x = F.dropout(x, 0.5, training=self.training)
        return graph @ self.second(x)


model = GCN()
optimizer = torch.optim.Adam(model.parameters(), lr=0.01, weight_decay=5e-4)
for epoch in range(120):
    model.train()
    optimizer.zero_grad()
    out = model(features, propagate)
    loss = F.cross_entropy(out[train_mask], community[train_mask])
    loss.backward()
    optimizer.step()
    if epoch % 30 == 29:
        model.eval()
        with torch.no_grad():
            hit = model(features, propagate).argmax(1) == community
        print(
            f"epoch {epoch + 1}: train {hit[train_mask].float().mean():.3f} rest {hit[~train_mask].float().mean():.3f}"
        )
