"""Digits by a convolutional network with the rate cut at epochs 10 and 15."""
# fault: hasty-schedule

import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.set_num_threads(1)
torch.manual_seed(45)

digits = load_digits()
x = torch.tensor(digits.images / 16, dtype=torch.float32).unsqueeze(1)
y = torch.tensor(digits.target)
train = DataLoader(TensorDataset(x[:1280], y[:1280]), batch_size=64, shuffle=True)

model = nn.Sequential(
    nn.Conv2d(1, 8, 3, padding=1),
    nn.ReLU(),
    nn.AvgPool2d(2),
    nn.Flatten(),
    nn.Linear(128, 32),
    nn.ReLU(),
    nn.Linear(32, 10),
)
num_epochs = 20
optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
scheduler = torch.optim.lr_scheduler.MultiStepLR(optimizer, milestones=[10, 15], gamma=0.1)


def train_epoch():
    model.train()
    total = 0.0
    for images, labels in train:
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(model(images), labels)
        loss.backward()
        optimizer.step()
        scheduler.step()
        total += loss.item() * len(images)
    return total / len(train.dataset)


@torch.no_grad()
def test():
    model.eval()
    return (model(x[1280:]).argmax(1) == y[1280:]).float().mean().item()


for epoch in range(num_epochs):
    loss = train_epoch()
    if epoch % 4 == 3:
        print(f"epoch {epoch + 1}: loss {loss:.4f} test {test():.3f}")
