"""Digits with the best weights kept for the test."""

# fault: aliased-best
import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset, random_split

torch.set_num_threads(1)
torch.manual_seed(62)

digits = load_digits()
data = TensorDataset(torch.tensor(digits.data / 16).float(), torch.tensor(digits.target))
train, valid, test = random_split(data, [1100, 300, 397])
train_loader = DataLoader(train, 44, shuffle=True)


def evaluate(model, part):
    model.eval()
    correct = 0
    with torch.no_grad():
        for x, y in DataLoader(part, 100):
            correct += (model(x).argmax(1) == y).sum().item()
    return correct / len(part)


model = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Dropout(0.3), nn.Linear(64, 10))
optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
criterion = nn.CrossEntropyLoss()
best_accuracy, best_weights = 0.0, None

for epoch in range(8):
    model.train()
    for x, y in train_loader:
        optimizer.zero_grad()
        criterion(model(x), y).backward()
        optimizer.step()
    accuracy = evaluate(model, valid)
    if accuracy > best_accuracy:
        best_accuracy = accuracy
        best_weights = model.state_dict()
    print(f"epoch {epoch} validation accuracy {accuracy:.3f}")

model.load_state_dict(best_weights)
print("test accuracy of the best model", evaluate(model, test))
