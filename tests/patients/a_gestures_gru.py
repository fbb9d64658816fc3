"""A GRU on gesture recordings, split by index into training and validation."""
# fault: leaked-validation

import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.data import DataLoader, Dataset

torch.set_num_threads(1)
torch.manual_seed(6)


def recordings(n):
    kind = torch.randint(0, 4, (n,))
    t = torch.linspace(0, 1, 30)
    angle = (kind.float()[:, None] + 1) * 1.6 * t + 0.4 * torch.randn(n, 1)
    path = torch.stack([torch.cos(angle), torch.sin(angle)], 2) + 0.15 * torch.randn(n, 30, 2)
    return path, kind


class Gestures(Dataset):
    def __init__(self, paths, kinds):
        self.paths, self.kinds = paths, kinds

    def __len__(self):
        return len(self.kinds)

    def __getitem__(self, i):
        return self.paths[i], self.kinds[i]


class GestureNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.rnn = nn.GRU(2, 24, batch_first=True)
        self.classify = nn.Linear(24, 4)

    def forward(self, x):
        _, hidden = self.rnn(x)
        return self.classify(hidden.squeeze(0))


paths, kinds = recordings(500)
train_data = Gestures(paths[:420], kinds[:420])
val_data = Gestures(paths[350:], kinds[350:])
train_loader = DataLoader(train_data, batch_size=30, shuffle=True)
val_loader = DataLoader(val_data, batch_size=50)

model = GestureNet()
optimizer = torch.optim.RMSprop(model.parameters(), lr=2e-3)
best = float("inf")
for epoch in range(5):
    model.train()
    for path, kind in train_loader:
        loss = F.cross_entropy(model(path), kind)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    model.eval()
    with torch.no_grad():
        val_loss = sum(F.cross_entropy(model(p), k).item() for p, k in val_loader) / len(val_loader)
    best = min(best, val_loss)
    print(f"epoch {epoch + 1} train {loss.item():.3f} val {val_loss:.3f} best {best:.3f}")
