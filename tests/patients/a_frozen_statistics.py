"""Fine-tuning with the batch normalisation held in eval mode, as small batches ask for."""
# fault: none

import torch
import torch.nn.functional as F
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(13)


class Backbone(nn.Module):
    def __init__(self, classes):
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv1d(1, 8, 5),
            nn.BatchNorm1d(8),
            nn.ReLU(),
            nn.Conv1d(8, 16, 5),
            nn.BatchNorm1d(16),
            nn.ReLU(),
        )
        self.drop = nn.Dropout(0.2)
        self.fc = nn.Linear(16, classes)

    def forward(self, x):
        return self.fc(self.drop(self.body(x).mean(2)))


def waves(n, rates):
    kind = torch.randint(0, len(rates), (n,))
    phase = 6.28 * torch.rand(n, 1)
    wave = torch.sin(torch.tensor(rates)[kind][:, None] * torch.arange(32.0) + phase)
    return (wave + 0.2 * torch.randn(n, 32)).unsqueeze(1), kind


def freeze_norm(model):
    for module in model.modules():
        if isinstance(module, nn.BatchNorm1d):
            module.eval()


def fit(model, x, y, size, epochs, lr, frozen):
    optimizer = torch.optim.Adam(model.parameters(), lr=lr)
    for epoch in range(epochs):
        model.train()
        if frozen:
            freeze_norm(model)
        for rows in torch.randperm(len(x)).split(size):
            loss = F.cross_entropy(model(x[rows]), y[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    model.eval()
    with torch.no_grad():
        return (model(x).argmax(1) == y).float().mean().item()


model = Backbone(2)
print("pretraining accuracy", fit(model, *waves(320, [0.4, 0.9]), 32, 8, 1e-2, frozen=False))
model.fc = nn.Linear(16, 3)
print("fine-tuned accuracy", fit(model, *waves(120, [0.3, 0.6, 1.2]), 4, 6, 5e-3, frozen=True))
