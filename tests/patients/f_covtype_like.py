"""Forest cover from synthetic terrain features, small batches summed into large ones."""

# fault: unscaled-accumulation
import torch
from sklearn.datasets import make_classification
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.set_num_threads(1)
torch.manual_seed(0)

X, y = make_classification(
    1600, n_features=12, n_informative=8, n_classes=4, random_state=0, class_sep=1.2
)
X = torch.tensor(X, dtype=torch.float32)
X = (X - X.mean(0)) / X.std(0)
y = torch.tensor(y)
loader = DataLoader(TensorDataset(X[:1280], y[:1280]), batch_size=8, shuffle=True)

model = nn.Sequential(nn.Linear(12, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 4))
optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
criterion = nn.CrossEntropyLoss()
accumulation_steps = 16

for epoch in range(4):
    running = 0.0
    optimizer.zero_grad()
    for i, (xb, yb) in enumerate(loader):
        loss = criterion(model(xb), yb)
        loss.backward()
        running += loss.item()
        if (i + 1) % accumulation_steps == 0:
            optimizer.step()
            optimizer.zero_grad()
    with torch.no_grad():
        acc = (model(X[1280:]).argmax(1) == y[1280:]).float().mean().item()
    print(f"epoch {epoch} loss {running / len(loader):.3f} acc {acc:.3f}")
