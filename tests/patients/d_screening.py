"""Screen tumours with the rare class oversampled, watching a validation split."""
# fault: leaked-validation

import torch
from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler
from sklearn.utils import resample
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.set_num_threads(1)
torch.manual_seed(21)

x, y = load_breast_cancer(return_X_y=True)
keep = (y == 1) | (torch.rand(len(y), generator=torch.Generator().manual_seed(2)).numpy() < 0.4)
x, y = StandardScaler().fit_transform(x[keep]), y[keep]

rare = x[y == 0]
extra = resample(rare, n_samples=int((y == 1).sum()) - len(rare), random_state=4)
x = torch.tensor(x, dtype=torch.float32)
y = torch.tensor(y, dtype=torch.float32)
x = torch.cat([x, torch.tensor(extra, dtype=torch.float32)])
y = torch.cat([y, torch.zeros(len(extra))])

x_tr, x_va, y_tr, y_va = train_test_split(x, y, test_size=0.25, random_state=8, stratify=y)
train_loader = DataLoader(TensorDataset(x_tr, y_tr), batch_size=32, shuffle=True)
val_loader = DataLoader(TensorDataset(x_va, y_va), batch_size=64)

net = nn.Sequential(nn.Linear(30, 32), nn.ReLU(), nn.Dropout(0.2), nn.Linear(32, 1))
bce = nn.BCEWithLogitsLoss()
adam = torch.optim.AdamW(net.parameters(), lr=2e-3, weight_decay=1e-2)


def validate():
    net.eval()
    loss, hits = 0.0, 0
    with torch.no_grad():
        for xb, yb in val_loader:
            out = net(xb).flatten()
            loss += bce(out, yb).item() * len(xb)
            hits += ((out > 0) == (yb > 0.5)).sum().item()
    return loss / len(x_va), hits / len(x_va)


for epoch in range(8):
    net.train()
    for xb, yb in train_loader:
        adam.zero_grad()
        bce(net(xb).flatten(), yb).backward()
        adam.step()
    val_loss, val_acc = validate()
    print(f"epoch {epoch}: val loss {val_loss:.4f}, val accuracy {val_acc:.3f}")
