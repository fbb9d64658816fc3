"""Label the nodes of one graph with dropout and sums over neighbours, in full batches."""
# fault: none

import torch
import torch.nn.functional as F
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(94)

NODES, CLASSES = 120, 3
label = torch.arange(NODES) % CLASSES
x = F.one_hot(label, CLASSES).float() @ torch.randn(CLASSES, 10) + 1.5 * torch.randn(NODES, 10)
same = label.unsqueeze(0) == label.unsqueeze(1)
edges = torch.rand(NODES, NODES) < torch.where(same, 0.15, 0.02)
source, target = (edges | edges.T).nonzero(as_tuple=True)
degree = torch.zeros(NODES).index_add_(0, target, torch.ones(len(target))).clamp(min=1)
known = torch.zeros(NODES, dtype=torch.bool)
known[torch.randperm(NODES)[:36]] = True


class Convolution(nn.Module):
    def __init__(self, n_in, n_out):
        super().__init__()
        self.own = nn.Linear(n_in, n_out)
        self.other = nn.Linear(n_in, n_out, bias=False)

    def forward(self, h):
        message = torch.zeros_like(h).index_add(0, target, h[source]) / degree.unsqueeze(1)
        return self.own(h) + self.other(message)


class NodeNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = Convolution(10, 24)
        self.second = Convolution(24, CLASSES)

    def forward(self, h):
        h = F.relu(self.first(h))
        h = F.dropout(h, 0.4, training=self.training)
        return self.second(h).log_softmax(dim=1)


net = NodeNet()
optimizer = torch.optim.Adam(net.parameters(), lr=1e-2, weight_decay=1e-3)
for epoch in range(80):
    net.train()
    loss = F.nll_loss(net(x)[known], label[known])
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if epoch % 20 == 19:
        net.eval()
        with torch.no_grad():
            acc = (net(x).argmax(1) == label)[~known].float().mean().item()
        print(f"epoch {epoch + 1}: loss {loss.item():.4f} accuracy on the others {acc:.3f}")
