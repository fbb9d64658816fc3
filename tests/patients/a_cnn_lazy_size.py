"""A CNN whose classifier is sized from the features it is given."""
# fault: unregistered-module

import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits

torch.set_num_threads(1)
torch.manual_seed(1)


class Net(nn.Module):
    def __init__(self, classes=10):
        super().__init__()
        self.classes = classes
        self.conv1 = nn.Conv2d(1, 8, kernel_size=3)
        self.conv2 = nn.Conv2d(8, 16, kernel_size=3)

    def forward(self, x):
        x = F.relu(self.conv1(x))
        x = F.relu(self.conv2(x))
        x = x.view(x.size(0), -1)
        fc = nn.Linear(x.size(1), self.classes)
        return fc(x)


images, labels = load_digits(return_X_y=True)
images = torch.tensor(images / 16.0, dtype=torch.float32).view(-1, 1, 8, 8)
labels = torch.tensor(labels)

net = Net()
optimizer = torch.optim.SGD(net.parameters(), lr=0.05, momentum=0.9)
criterion = nn.CrossEntropyLoss()

for epoch in range(2):
    correct, total = 0, 0
    for start in range(0, 1500, 50):
        x, y = images[start : start + 50], labels[start : start + 50]
        optimizer.zero_grad()
        outputs = net(x)
        loss = criterion(outputs, y)
        loss.backward()
        optimizer.step()
        correct += (outputs.argmax(1) == y).sum().item()
        total += len(y)
    print(f"epoch {epoch}: loss {loss.item():.3f} accuracy {correct / total:.3f}")
