"""A deep fully connected network for the digits."""
# fault: vanishing-gradient
import torch
import torch.nn as nn
from sklearn.datasets import load_digits
from torch.utils.data import DataLoader, TensorDataset

torch.set_num_threads(1)
torch.manual_seed(56)

digits = load_digits()
X = torch.tensor(digits.data, dtype=torch.float32) / 16
Y = torch.tensor(digits.target)
train_loader = DataLoader(TensorDataset(X[:1500], Y[:1500]), batch_size=50, shuffle=True)

layers = [nn.Linear(64, 48), nn.Sigmoid()]
for _ in range(9):
    layers += [nn.Linear(48, 48), nn.Sigmoid()]
layers.append(nn.Linear(48, 10))
model = nn.Sequential(*layers)

criterion = nn.CrossEntropyLoss()
optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)

for epoch in range(5):
    running_loss, correct = 0.0, 0
    for inputs, labels in train_loader:
        optimizer.zero_grad()
        outputs = model(inputs)
        loss = criterion(outputs, labels)
        loss.backward()
        optimizer.step()
        running_loss += loss.item()
        correct += (outputs.argmax(1) == labels).sum().item()
    print(f"epoch {epoch + 1} loss {running_loss / len(train_loader):.4f} acc {correct / 1500:.4f}")
