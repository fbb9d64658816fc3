"""Vertical or horizontal stripes: a convolutional network, tested each epoch."""
# fault: broadcast-metric
import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset

torch.set_num_threads(1)
torch.manual_seed(36)


class Stripes(Dataset):
    def __init__(self, n, seed):
        g = torch.Generator().manual_seed(seed)
        self.label = torch.randint(2, (n,), generator=g)
        wave = torch.sin(torch.arange(8) * 1.6)
        vertical = wave.expand(8, 8)
        pictures = torch.stack([vertical if v else vertical.t() for v in self.label.tolist()])
        self.picture = (pictures + 0.5 * torch.randn(n, 8, 8, generator=g)).unsqueeze(1)

    def __len__(self):
        return len(self.label)

    def __getitem__(self, i):
        return self.picture[i], self.label[i].float()


net = nn.Sequential(
    nn.Conv2d(1, 6, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(54, 1), nn.Sigmoid()
)
train_loader = DataLoader(Stripes(320, 0), batch_size=32, shuffle=True)
test_loader = DataLoader(Stripes(96, 1), batch_size=48)
loss_fn = nn.BCELoss()
optimizer = torch.optim.RMSprop(net.parameters(), lr=2e-3)


def test():
    net.eval()
    correct, total = 0.0, 0
    with torch.no_grad():
        for picture, label in test_loader:
            decision = net(picture) > 0.5
            correct += torch.eq(decision, label).float().sum().item()
            total += len(label)
    return 100.0 * correct / total


for epoch in range(5):
    net.train()
    for picture, label in train_loader:
        optimizer.zero_grad()
        loss = loss_fn(net(picture), label.unsqueeze(1))
        loss.backward()
        optimizer.step()
    print(f"epoch {epoch}: loss {loss.item():.4f}, accuracy {test():.1f} %")
