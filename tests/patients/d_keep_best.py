"""Keep the weights of the best epoch while a noisy table is fitted."""
# fault: aliased-best

import torch
from sklearn.datasets import make_classification
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.set_num_threads(1)
torch.manual_seed(52)

x, y = make_classification(
    n_samples=700, n_features=20, n_informative=5, flip_y=0.1, random_state=4
)
x = torch.tensor(x, dtype=torch.float32)
x = (x - x[:400].mean(0)) / x[:400].std(0)
y = torch.tensor(y)
train = DataLoader(TensorDataset(x[:400], y[:400]), batch_size=32, shuffle=True)

model = nn.Sequential(nn.Linear(20, 32), nn.ReLU(), nn.Dropout(0.2), nn.Linear(32, 2))
optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
criterion = nn.CrossEntropyLoss()


@torch.no_grad()
def score(rows):
    model.eval()
    logits = model(x[rows])
    accuracy = (logits.argmax(1) == y[rows]).float().mean().item()
    return criterion(logits, y[rows]).item(), accuracy


best_loss, best_state, best_epoch = float("inf"), None, -1
for epoch in range(12):
    model.train()
    for xb, yb in train:
        optimizer.zero_grad()
        criterion(model(xb), yb).backward()
        optimizer.step()
    val_loss, val_acc = score(slice(400, 550))
    if val_loss < best_loss:
        best_loss, best_epoch = val_loss, epoch
        best_state = model.state_dict()
    print(f"epoch {epoch}: val loss {val_loss:.4f} acc {val_acc:.3f}")

model.load_state_dict(best_state)
again, _ = score(slice(400, 550))
test_loss, test_acc = score(slice(550, 700))
print(f"best epoch {best_epoch} with {best_loss:.4f}, restored {again:.4f}")
print(f"test loss {test_loss:.4f} acc {test_acc:.3f}")
