"""Which of three cultivars is this wine? One output unit, trained on standardised data."""

# fault: regression-on-classes
import torch
from sklearn.datasets import load_wine
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(0)

wine = load_wine()
X = torch.tensor(wine.data, dtype=torch.float32)
X = (X - X.mean(0)) / X.std(0)
y = torch.tensor(wine.target, dtype=torch.float32).unsqueeze(1)

perm = torch.randperm(len(X))
train, test = perm[:130], perm[130:]

model = nn.Sequential(nn.Linear(13, 16), nn.ReLU(), nn.Linear(16, 1))
criterion = nn.MSELoss()
optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)

for epoch in range(15):
    shuffled = train[torch.randperm(len(train))]
    for idx in shuffled.split(26):
        optimizer.zero_grad()
        loss = criterion(model(X[idx]), y[idx])
        loss.backward()
        optimizer.step()
    if epoch % 3 == 2:
        with torch.no_grad():
            guess = model(X[test]).round().clamp(0, 2)
            acc = (guess == y[test]).float().mean().item()
        print(f"epoch {epoch} loss {loss.item():.4f} accuracy {acc:.3f}")
