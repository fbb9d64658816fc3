"""A wide network on a small survey."""

# fault: overfitting
import torch
from sklearn.datasets import make_classification
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(48)

X, y = make_classification(360, 30, n_informative=4, flip_y=0.3, random_state=9)
X = torch.tensor((X - X.mean(0)) / X.std(0), dtype=torch.float32)
y = torch.tensor(y)
X_train, y_train, X_val, y_val = X[:120], y[:120], X[120:], y[120:]

model = nn.Sequential(
    nn.Linear(30, 256), nn.ReLU(), nn.Linear(256, 256), nn.ReLU(), nn.Linear(256, 2)
)
criterion = nn.CrossEntropyLoss()
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)

for epoch in range(60):
    model.train()
    order = torch.randperm(120)
    train_loss = 0.0
    for rows in order.split(30):
        optimizer.zero_grad()
        loss = criterion(model(X_train[rows]), y_train[rows])
        loss.backward()
        optimizer.step()
        train_loss += loss.item() / 4
    model.eval()
    with torch.no_grad():
        val_loss = criterion(model(X_val), y_val).item()
    if epoch % 10 == 9:
        print(f"epoch {epoch + 1}: train {train_loss:.4f} val {val_loss:.4f}")
