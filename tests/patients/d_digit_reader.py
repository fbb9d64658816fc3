"""Read handwritten digits with a two-layer convolutional network."""
# fault: repeated-batch

import torch
from sklearn.datasets import load_digits
from torch import nn, optim
from torch.utils.data import DataLoader, TensorDataset, random_split

torch.set_num_threads(1)
torch.manual_seed(5)

digits = load_digits()
images = torch.tensor(digits.images / 16.0, dtype=torch.float32).unsqueeze(1)
labels = torch.tensor(digits.target)
train_set, test_set = random_split(TensorDataset(images, labels), [1400, 397])
train_loader = DataLoader(train_set, batch_size=64, shuffle=True)
test_loader = DataLoader(test_set, batch_size=256)

model = nn.Sequential(
    nn.Conv2d(1, 8, 3, padding=1),
    nn.ReLU(),
    nn.MaxPool2d(2),
    nn.Conv2d(8, 16, 3, padding=1),
    nn.ReLU(),
    nn.Flatten(),
    nn.Linear(16 * 16, 10),
)
criterion = nn.CrossEntropyLoss()
optimizer = optim.Adam(model.parameters(), lr=1e-3)

images, labels = next(iter(train_loader))
print("batch:", tuple(images.shape), tuple(labels.shape))
with torch.no_grad():
    print("first loss:", round(criterion(model(images), labels).item(), 4))

for epoch in range(5):
    for step, (data, target) in enumerate(train_loader):
        optimizer.zero_grad()
        output = model(images)
        loss = criterion(output, labels)
        loss.backward()
        optimizer.step()
        if step % 10 == 0:
            print(f"[{epoch}/{step * len(data):4d}] loss {loss.item():.4f}")

model.eval()
correct = 0
with torch.no_grad():
    for data, target in test_loader:
        correct += (model(data).argmax(1) == target).sum().item()
print(f"test accuracy {correct / len(test_set):.3f}")
