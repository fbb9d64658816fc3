"""Train a small network on the breast cancer table with two added ratio columns."""
# fault: nonfinite-input

import numpy as np
import torch
from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.set_num_threads(1)
torch.manual_seed(3)

table = load_breast_cancer()
names = list(table.feature_names)
points = table.data[:, names.index("mean concave points")]
concavity = table.data[:, names.index("mean concavity")]
perimeter = table.data[:, names.index("mean perimeter")]
area = table.data[:, names.index("mean area")]
features = np.column_stack([table.data, points / concavity, perimeter**2 / area])
features = StandardScaler().fit_transform(features).astype(np.float32)

x_train, x_test, y_train, y_test = train_test_split(
    features, table.target.astype(np.float32), test_size=0.25, random_state=0
)
loader = DataLoader(
    TensorDataset(torch.from_numpy(x_train), torch.from_numpy(y_train)),
    batch_size=32,
    shuffle=True,
)

net = nn.Sequential(nn.Linear(features.shape[1], 32), nn.ReLU(), nn.Linear(32, 1))
optimizer = torch.optim.Adam(net.parameters(), lr=2e-3)
criterion = nn.BCEWithLogitsLoss()

for epoch in range(8):
    total = 0.0
    for xb, yb in loader:
        optimizer.zero_grad()
        loss = criterion(net(xb).squeeze(1), yb)
        loss.backward()
        optimizer.step()
        total += loss.item() * len(xb)
    print(f"epoch {epoch}: loss {total / len(x_train):.4f}")

net.eval()
with torch.no_grad():
    logits = net(torch.from_numpy(x_test)).squeeze(1)
    accuracy = ((logits > 0).float() == torch.from_numpy(y_test)).float().mean().item()
print(f"test accuracy {accuracy:.3f}")
