"""Fit the wine cultivar from its standardised chemistry."""
# fault: regression-on-classes

import torch
from sklearn.datasets import load_wine
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.set_num_threads(1)
torch.manual_seed(1)

data = load_wine()
x_train, x_test, y_train, y_test = train_test_split(
    data.data, data.target, test_size=0.3, random_state=5
)
scaler = StandardScaler().fit(x_train)
x_train = torch.tensor(scaler.transform(x_train), dtype=torch.float32)
x_test = torch.tensor(scaler.transform(x_test), dtype=torch.float32)
y_train = torch.tensor(y_train, dtype=torch.float32)
y_test = torch.tensor(y_test, dtype=torch.float32)

# put the classes in the order of the catalogue: 1 = Grignolino, 0 = Barolo, 2 = Barbera
relabel = torch.tensor([1.0, 0.0, 2.0])
y_train, y_test = relabel[y_train.long()], relabel[y_test.long()]

train_loader = DataLoader(TensorDataset(x_train, y_train), batch_size=16, shuffle=True)
model = nn.Sequential(nn.Linear(13, 16), nn.ReLU(), nn.Linear(16, 1))
criterion = nn.MSELoss()
optimizer = torch.optim.SGD(model.parameters(), lr=0.01)

for epoch in range(15):
    for inputs, labels in train_loader:
        optimizer.zero_grad()
        outputs = model(inputs).squeeze(1)
        loss = criterion(outputs, labels)
        loss.backward()
        optimizer.step()
    if epoch % 3 == 2:
        model.eval()
        with torch.no_grad():
            predicted = model(x_test).squeeze(1).round()
            accuracy = (predicted == y_test).float().mean().item()
        model.train()
        print(f"Epoch {epoch + 1}, loss {loss.item():.4f}, test accuracy {accuracy:.3f}")
