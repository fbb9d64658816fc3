"""Label the nodes of a graph from a few known ones with two graph convolutions."""
# fault: none
import torch
from torch import nn
from torch.nn import functional as F

torch.set_num_threads(1)
torch.manual_seed(103)

NODES, CLASSES = 120, 3
community = torch.randint(CLASSES, (NODES,))
same = community[:, None] == community[None, :]
edges = torch.rand(NODES, NODES) < torch.where(same, 0.15, 0.01)
adjacency = (edges | edges.t()).float() + torch.eye(NODES)
degree = adjacency.sum(1).rsqrt()
adjacency = degree[:, None] * adjacency * degree[None, :]
features = F.one_hot(community, CLASSES).float() + 1.0 * torch.randn(NODES, CLASSES)
known = torch.zeros(NODES, dtype=torch.bool)
known[torch.randperm(NODES)[:24]] = True


class GCN(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = nn.Linear(CLASSES, 16)
        self.second = nn.Linear(16, CLASSES)

    def forward(self, a, x):
        x = F.dropout(F.relu(a @ self.first(x)), 0.3, training=self.training)
        return F.log_softmax(a @ self.second(x), dim=1)


model = GCN()
optimizer = torch.optim.Adam(model.parameters(), lr=2e-2, weight_decay=5e-4)
for epoch in range(80):
    model.train()
    out = model(adjacency, features)
    loss = F.nll_loss(out[known], community[known])
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if epoch % 20 == 19:
        model.eval()
        with torch.no_grad():
            guess = model(adjacency, features).argmax(1)
        print(f"epoch {epoch + 1} loss {loss.item():.3f} unknown nodes {(guess == community)[~known].float().mean():.3f}")
