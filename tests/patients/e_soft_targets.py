"""Trains a wine classifier with a divergence between targets and predictions by hand."""
# fault: nonfinite-loss

import torch
import torch.nn.functional as F
from sklearn.datasets import load_wine
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(16)

wine = load_wine()
x = torch.tensor(wine.data, dtype=torch.float32)
x = (x - x.mean(0)) / x.std(0)
y = F.one_hot(torch.tensor(wine.target), 3).float()


def divergence(target, predicted):
    """Kullback-Leibler divergence, averaged over the batch."""
    return (target * torch.log(target / predicted)).sum(dim=1).mean()


model = nn.Sequential(nn.Linear(13, 24), nn.ReLU(), nn.Linear(24, 3), nn.Softmax(dim=1))
opt = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
for epoch in range(6):
    running = []
    for idx in torch.randperm(len(x)).split(30):
        loss = divergence(y[idx], model(x[idx]))
        opt.zero_grad()
        loss.backward()
        opt.step()
        running.append(loss.item())
    print(f"epoch {epoch} mean {sum(running) / len(running):.4f}")
