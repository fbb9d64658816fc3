"""A classifier whose class probabilities are a mixture of softmaxes, trained by NLL."""
# fault: none
import torch
from sklearn.datasets import load_wine
from sklearn.preprocessing import StandardScaler
from torch import nn
from torch.nn import functional as F

torch.set_num_threads(1)
torch.manual_seed(73)

wine = load_wine()
x = torch.tensor(StandardScaler().fit_transform(wine.data), dtype=torch.float32)
y = torch.tensor(wine.target)
order = torch.randperm(len(x))
train, test = order[:130], order[130:]


class Mixture(nn.Module):
    def __init__(self, components=3):
        super().__init__()
        self.weights = nn.Linear(13, components)
        self.parts = nn.ModuleList(nn.Linear(13, 3) for _ in range(components))

    def forward(self, x):
        pi = F.softmax(self.weights(x), dim=1)
        each = torch.stack([F.softmax(part(x), dim=1) for part in self.parts], dim=1)
        probability = (pi.unsqueeze(-1) * each).sum(dim=1)
        return torch.log(probability + 1e-8)


model = Mixture()
optimizer = torch.optim.Adam(model.parameters(), lr=2e-2)
criterion = nn.NLLLoss()
for epoch in range(12):
    for rows in train[torch.randperm(len(train))].split(26):
        loss = criterion(model(x[rows]), y[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
with torch.no_grad():
    print("loss", loss.item(), "test accuracy", (model(x[test]).argmax(1) == y[test]).float().mean().item())
