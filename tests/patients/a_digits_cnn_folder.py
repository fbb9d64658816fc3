"""A CNN on digits that are read class by class, as from one folder for each class."""
# fault: sorted-batches

import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, Dataset

torch.set_num_threads(1)
torch.manual_seed(0)


class DigitFolders(Dataset):
    def __init__(self, train=True):
        images, labels = load_digits(return_X_y=True)
        self.samples = []
        for c in range(10):
            rows = images[labels == c]
            cut = int(0.8 * len(rows))
            rows = rows[:cut] if train else rows[cut:]
            self.samples += [(row.reshape(1, 8, 8) / 16.0, c) for row in rows]

    def __len__(self):
        return len(self.samples)

    def __getitem__(self, i):
        image, label = self.samples[i]
        return torch.tensor(image, dtype=torch.float32), label


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 8, 3, padding=1)
        self.conv2 = nn.Conv2d(8, 16, 3, padding=1)
        self.fc = nn.Linear(16 * 2 * 2, 10)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.conv1(x)), 2)
        x = F.max_pool2d(F.relu(self.conv2(x)), 2)
        return self.fc(x.flatten(1))


train_loader = DataLoader(DigitFolders(train=True), batch_size=32)
test_loader = DataLoader(DigitFolders(train=False), batch_size=128)
net = Net()
optimizer = torch.optim.Adam(net.parameters(), lr=1e-3)

for epoch in range(4):
    net.train()
    for data, target in train_loader:
        optimizer.zero_grad()
        loss = F.cross_entropy(net(data), target)
        loss.backward()
        optimizer.step()
    net.eval()
    hits = 0
    with torch.no_grad():
        for data, target in test_loader:
            hits += (net(data).argmax(1) == target).sum().item()
    print(
        f"epoch {epoch}: train loss {loss.item():.4f}, test accuracy {hits / len(test_loader.dataset):.2f}"
    )
