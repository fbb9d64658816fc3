"""Two moons with a batch-normalised classifier, checked after every epoch."""

# fault: eval-mode-training
import torch
from sklearn.datasets import make_moons
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(0)

X, y = make_moons(600, noise=0.15, random_state=0)
X = torch.tensor(X, dtype=torch.float32)
y = torch.tensor(y)
X_train, y_train, X_val, y_val = X[:450], y[:450], X[450:], y[450:]

model = nn.Sequential(
    nn.Linear(2, 32),
    nn.BatchNorm1d(32),
    nn.ReLU(),
    nn.Dropout(0.2),
    nn.Linear(32, 32),
    nn.BatchNorm1d(32),
    nn.ReLU(),
    nn.Linear(32, 2),
)
opt = torch.optim.Adam(model.parameters(), lr=5e-3)
loss_fn = nn.CrossEntropyLoss()


def validate():
    model.eval()
    with torch.no_grad():
        out = model(X_val)
        return loss_fn(out, y_val).item(), (out.argmax(1) == y_val).float().mean().item()


print("before training:", validate())
for epoch in range(10):
    perm = torch.randperm(len(X_train))
    for i in range(0, len(perm), 50):
        idx = perm[i : i + 50]
        loss = loss_fn(model(X_train[idx]), y_train[idx])
        opt.zero_grad()
        loss.backward()
        opt.step()
    val_loss, val_acc = validate()
    print(f"epoch {epoch} train {loss.item():.3f} val {val_loss:.3f} acc {val_acc:.3f}")
