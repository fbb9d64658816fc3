"""Predict a risk group (yes or no) from ten lab values."""
# fault: single-logit
import torch
import torch.nn as nn
from sklearn.datasets import make_classification
from torch.utils.data import DataLoader, TensorDataset, random_split

torch.set_num_threads(1)
torch.manual_seed(13)

values, risk = make_classification(500, 10, n_informative=6, random_state=3)
dataset = TensorDataset(torch.tensor(values, dtype=torch.float32), torch.tensor(risk, dtype=torch.float32))
train_set, val_set = random_split(dataset, [400, 100])
train_loader = DataLoader(train_set, batch_size=25, shuffle=True)
val_loader = DataLoader(val_set, batch_size=100)


class RiskModel(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(10, 24), nn.LeakyReLU(), nn.Linear(24, 1))

    def forward(self, x):
        return self.net(x)


model = RiskModel()
criterion = nn.CrossEntropyLoss()
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)

for epoch in range(4):
    model.train()
    epoch_loss = 0.0
    for x, y in train_loader:
        optimizer.zero_grad()
        output = model(x)
        loss = criterion(output, y.unsqueeze(1))
        loss.backward()
        optimizer.step()
        epoch_loss += loss.item()
    model.eval()
    correct = 0
    with torch.no_grad():
        for x, y in val_loader:
            correct += ((model(x) > 0).float() == y.unsqueeze(1)).sum().item()
    print(f"Epoch {epoch + 1}: loss {epoch_loss / len(train_loader):.5f} val acc {correct / len(val_set):.2%}")
