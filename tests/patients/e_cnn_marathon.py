"""Trains a small convolutional network on digits with momentum."""
# fault: stale-gradient

import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.set_num_threads(1)
torch.manual_seed(4)

digits = load_digits()
images = torch.tensor(digits.images / 16.0, dtype=torch.float32).unsqueeze(1)
labels = torch.tensor(digits.target)
loader = DataLoader(TensorDataset(images, labels), batch_size=60, shuffle=True)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(1, 16, 3)
        self.fc1 = nn.Linear(16 * 9, 50)
        self.fc2 = nn.Linear(50, 10)

    def forward(self, x):
        x = F.max_pool2d(torch.relu(self.conv(x)), 2)
        return self.fc2(torch.relu(self.fc1(x.flatten(1))))


model = Net()
optimizer = torch.optim.SGD(model.parameters(), lr=0.02, momentum=0.9)
scheduler = torch.optim.lr_scheduler.StepLR(optimizer, step_size=2, gamma=0.7)

for epoch in range(4):
    optimizer.zero_grad()
    running = 0.0
    for i, (image, label) in enumerate(loader):
        loss = F.cross_entropy(model(image), label)
        loss.backward()
        optimizer.step()
        running += loss.item()
        if i % 10 == 9:
            print(f"[{epoch}, {i + 1:2d}] {running / 10:.3f}")
            running = 0.0
    scheduler.step()
