"""A CNN on digits with weights filled in a loop over its parameters."""
# fault: symmetric-weights

import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch.utils.data import DataLoader, TensorDataset

torch.set_num_threads(1)
torch.manual_seed(28)


class LeNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 6, 3, padding=1)
        self.conv2 = nn.Conv2d(6, 12, 3, padding=1)
        self.fc1 = nn.Linear(12 * 4, 32)
        self.fc2 = nn.Linear(32, 10)

    def forward(self, x):
        x = F.avg_pool2d(torch.relu(self.conv1(x)), 2)
        x = F.avg_pool2d(torch.relu(self.conv2(x)), 2)
        return self.fc2(torch.relu(self.fc1(x.flatten(1))))


def initialise(model):
    for name, parameter in model.named_parameters():
        if name.startswith("fc2"):
            continue
        parameter.data.fill_(0.05)


x, y = load_digits(return_X_y=True)
x = torch.tensor(x / 16, dtype=torch.float32).unflatten(1, (1, 8, 8))
loader = DataLoader(TensorDataset(x, torch.tensor(y)), batch_size=128, shuffle=True)
model = LeNet()
initialise(model)
optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)

for epoch in range(5):
    right = 0
    for images, labels in loader:
        logits = model(images)
        loss = F.cross_entropy(logits, labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        right += (logits.argmax(1) == labels).sum().item()
    print(f"epoch {epoch + 1}: loss {loss.item():.3f} accuracy {right / len(y):.3f}")
