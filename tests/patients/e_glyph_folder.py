"""Trains a small convolutional network on digit images gathered folder by folder."""
# fault: sorted-batches

import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, Dataset

torch.set_num_threads(1)
torch.manual_seed(0)


class FolderOfGlyphs(Dataset):
    """Walks the folders 0, 1, ... 9 the way an image folder is read from disk."""

    def __init__(self):
        bunch = load_digits()
        self.samples = []
        for label in range(10):
            for image in bunch.images[bunch.target == label][:130]:
                self.samples.append((torch.tensor(image / 16.0, dtype=torch.float32), label))

    def __len__(self):
        return len(self.samples)

    def __getitem__(self, i):
        image, label = self.samples[i]
        return image.unsqueeze(0), label


data = FolderOfGlyphs()
loader = DataLoader(data, batch_size=32, drop_last=False)
net = nn.Sequential(
    nn.Conv2d(1, 12, 3, padding=1),
    nn.ReLU(),
    nn.MaxPool2d(2),
    nn.Conv2d(12, 24, 3, padding=1),
    nn.ReLU(),
    nn.Flatten(),
    nn.Linear(24 * 16, 10),
)
criterion = nn.CrossEntropyLoss()
optimizer = torch.optim.SGD(net.parameters(), lr=0.05, momentum=0.9)

for epoch in range(3):
    for image, label in loader:
        optimizer.zero_grad()
        loss = criterion(net(image), label)
        loss.backward()
        optimizer.step()
    net.eval()
    with torch.no_grad():
        right = sum((net(im).argmax(1) == lb).sum().item() for im, lb in loader)
    net.train()
    print(f"epoch {epoch}: last loss {loss.item():.3f}, accuracy {right / len(data):.3f}")
