"""A convolutional network on digits, SGD with momentum."""

# fault: huge-update
import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits

torch.set_num_threads(1)
torch.manual_seed(22)

digits = load_digits()
images = torch.from_numpy(digits.images).float().div(16).unsqueeze(1)
labels = torch.from_numpy(digits.target).long()
shuffle = torch.randperm(len(images))
images, labels = images[shuffle], labels[shuffle]


class ConvNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(1, 12, 3, padding=1), nn.Tanh(), nn.MaxPool2d(2),
            nn.Conv2d(12, 24, 3, padding=1), nn.Tanh(), nn.AdaptiveAvgPool2d(2),
        )  # fmt: skip
        self.classifier = nn.Linear(96, 10)

    def forward(self, x):
        return self.classifier(self.features(x).flatten(1))


model = ConvNet()
optimizer = torch.optim.SGD(model.parameters(), lr=1.0, momentum=0.9)

for epoch in range(4):
    for start in range(0, 1400, 50):
        x, y = images[start : start + 50], labels[start : start + 50]
        loss = F.cross_entropy(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    with torch.no_grad():
        logits = model(images[1400:])
        accuracy = (logits.argmax(1) == labels[1400:]).float().mean()
    print(f"epoch {epoch}: loss {loss.item():.3f} accuracy {accuracy:.3f}")
