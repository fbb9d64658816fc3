"""An MLP on scikit-learn's digits with a look at the shapes first."""
# fault: repeated-batch

import torch
import torch.nn as nn
from sklearn.datasets import load_digits
from torch.utils.data import DataLoader, TensorDataset, random_split

torch.set_num_threads(1)
torch.manual_seed(0)

data, target = load_digits(return_X_y=True)
dataset = TensorDataset(torch.tensor(data / 16, dtype=torch.float32), torch.tensor(target))
train_set, test_set = random_split(dataset, [1400, 397])
train_loader = DataLoader(train_set, batch_size=50, shuffle=True)
test_loader = DataLoader(test_set, batch_size=100)

images, labels = next(iter(train_loader))
print("one batch:", images.shape, labels.shape, labels[:8].tolist())

model = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10))
criterion = nn.CrossEntropyLoss()
optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)

for epoch in range(3):
    running_loss = 0.0
    for i, batch in enumerate(train_loader):
        optimizer.zero_grad()
        outputs = model(images)
        loss = criterion(outputs, labels)
        loss.backward()
        optimizer.step()
        running_loss += loss.item()
    print(f"[{epoch + 1}] loss: {running_loss / len(train_loader):.4f}")

model.eval()
correct = total = 0
with torch.no_grad():
    for x, y in test_loader:
        predicted = model(x).argmax(dim=1)
        total += y.size(0)
        correct += (predicted == y).sum().item()
print(f"Accuracy on the test set: {100 * correct / total:.1f} %")
