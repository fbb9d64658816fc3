"""BatchNorm statistics are taken anew in train mode under no_grad; the evaluation is in eval mode."""

import torch
from torch import nn
from torch.nn import functional
from torch.optim.swa_utils import AveragedModel, update_bn
from torch.utils.data import DataLoader, TensorDataset


def main() -> None:
    y = torch.randint(3, (128,))
    x = torch.randn(128, 6) + y.unsqueeze(1)
    train = DataLoader(TensorDataset(x[:96], y[:96]), 16, shuffle=True)
    model = nn.Sequential(nn.Linear(6, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Linear(16, 3))
    average, optimizer = AveragedModel(model), torch.optim.SGD(model.parameters(), 0.1)
    for _ in range(4):
        model.train()
        for inputs, targets in train:
            loss = functional.cross_entropy(model(inputs), targets)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        average.update_parameters(model)
    update_bn(train, average)
    average.eval()
    with torch.no_grad():
        right = average(x[96:]).argmax(dim=1) == y[96:]
    assert right.float().mean() > 0.5
