"""Train a digit classifier on its error rate directly."""
# fault: detached-loss
import torch
import torch.nn as nn
import torch.optim as optim
from sklearn.datasets import load_digits
from torch.utils.data import DataLoader, TensorDataset

torch.set_num_threads(1)
torch.manual_seed(16)

bunch = load_digits(n_class=5)
images = torch.tensor(bunch.images, dtype=torch.float32).unsqueeze(1) / 16
labels = torch.tensor(bunch.target)
loader = DataLoader(TensorDataset(images, labels), batch_size=100, shuffle=True)


class ConvNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(1, 6, 3)
        self.pool = nn.MaxPool2d(2)
        self.fc = nn.Linear(6 * 3 * 3, 5)

    def forward(self, x):
        x = self.pool(torch.relu(self.conv(x)))
        return self.fc(x.flatten(1))


def error_rate(outputs, targets):
    _, predicted = torch.max(outputs, 1)
    wrong = (predicted != targets).float()
    return wrong.mean()


model = ConvNet()
optimizer = optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
for epoch in range(5):
    epoch_error = 0.0
    for inputs, targets in loader:
        optimizer.zero_grad()
        loss = error_rate(model(inputs), targets)
        loss.requires_grad_(True)
        loss.backward()
        optimizer.step()
        epoch_error += loss.item() * len(targets)
    print(f"epoch {epoch + 1}: error {epoch_error / len(labels):.3f}")
