"""Trains a graph convolution by hand to tell two communities from four labelled nodes each."""

# fault: none
import torch
from torch import Tensor, nn

torch.set_num_threads(1)
torch.manual_seed(18)

N = 60
club = (torch.arange(N) >= N // 2).long()
chance = torch.where(club[:, None] == club[None, :], 0.25, 0.03)
upper = torch.triu((torch.rand(N, N) < chance).float(), 1)
adjacency = upper + upper.T + torch.eye(N)
degree = adjacency.sum(1).rsqrt()
propagate = degree[:, None] * adjacency * degree[None, :]
nodes = torch.randn(N, 8) + club[:, None] * 0.4
labelled = torch.zeros(N, dtype=torch.bool)
labelled[[0, 7, 14, 21, 30, 37, 44, 51]] = True


class GraphLayer(nn.Module):
    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(inputs, outputs))
        self.bias = nn.Parameter(torch.zeros(outputs))
        nn.init.xavier_uniform_(self.weight)

    def forward(self, h: Tensor, a: Tensor) -> Tensor:
        return a @ h @ self.weight + self.bias


class Gcn(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = GraphLayer(8, 16), GraphLayer(16, 2)
        self.dropout = nn.Dropout(0.3)

    def forward(self, h: Tensor, a: Tensor) -> Tensor:
        return self.second(self.dropout(torch.relu(self.first(h, a))), a)


model = Gcn()
optimizer = torch.optim.Adam(model.parameters(), lr=2e-2, weight_decay=5e-4)
for epoch in range(80):
    model.train()
    optimizer.zero_grad()
    loss = nn.functional.cross_entropy(model(nodes, propagate)[labelled], club[labelled])
    loss.backward()
    optimizer.step()
    if epoch % 20 == 19:
        model.eval()
        with torch.no_grad():
            right = model(nodes, propagate).argmax(1)[~labelled] == club[~labelled]
        print(f"{epoch} {loss.item():.3f} {right.float().mean():.3f}")
assert right.float().mean() > 0.75
