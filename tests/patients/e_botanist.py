"""Learns the species of iris flowers from their measurements."""
# fault: regression-on-classes

import torch
from sklearn.datasets import load_iris
from sklearn.preprocessing import scale
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.set_num_threads(1)
torch.manual_seed(19)

flowers, species = load_iris(return_X_y=True)
order = torch.randperm(150)
flowers = torch.tensor(scale(flowers), dtype=torch.float32)[order]
number = torch.tensor([1.0, 2.0, 0.0])  # virginica, setosa, versicolor in the club's own table
species = number[torch.tensor(species)][order].view(-1, 1)

train = DataLoader(TensorDataset(flowers[:110], species[:110]), batch_size=11, shuffle=True)
model = nn.Sequential(nn.Linear(4, 16), nn.Tanh(), nn.Linear(16, 1))
criterion = nn.MSELoss()
optimizer = torch.optim.SGD(model.parameters(), lr=0.05)

for epoch in range(25):
    epoch_loss = 0.0
    for measurement, kind in train:
        out = model(measurement)
        loss = criterion(out, kind)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        epoch_loss += loss.item() * len(kind)
    if epoch % 6 == 0:
        print(f"epoch {epoch:2d} loss {epoch_loss / 110:.4f}")

model.eval()
with torch.no_grad():
    guess = model(flowers[110:]).round().clamp(0, 2)
print("accuracy:", (guess == species[110:]).float().mean().item())
