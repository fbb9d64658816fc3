"""A dropout MLP on the diabetes data, scored on a held-out part."""
# fault: train-mode-evaluation
# missed: three answers to the same question, with no update between, may be Monte-Carlo dropout

import torch
import torch.nn as nn
from sklearn.datasets import load_diabetes
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

torch.set_num_threads(1)
torch.manual_seed(33)

X, y = load_diabetes(return_X_y=True)
X_tr, X_te, y_tr, y_te = train_test_split(X, y, random_state=0)
sx, sy = StandardScaler().fit(X_tr), StandardScaler().fit(y_tr[:, None])
to_tensor = lambda a: torch.tensor(a, dtype=torch.float32)
X_tr, X_te = to_tensor(sx.transform(X_tr)), to_tensor(sx.transform(X_te))
y_tr, y_te = to_tensor(sy.transform(y_tr[:, None])), to_tensor(sy.transform(y_te[:, None]))


class Regressor(nn.Module):
    def __init__(self, p=0.5):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(10, 64),
            nn.ReLU(),
            nn.Dropout(p),
            nn.Linear(64, 64),
            nn.ReLU(),
            nn.Dropout(p),
            nn.Linear(64, 1),
        )

    def forward(self, x):
        return self.layers(x)


def main():
    model = Regressor()
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    for epoch in range(25):
        permutation = torch.randperm(X_tr.size(0))
        for i in range(0, X_tr.size(0), 33):
            indices = permutation[i : i + 33]
            loss = nn.functional.mse_loss(model(X_tr[indices]), y_tr[indices])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    with torch.no_grad():
        for attempt in range(3):
            prediction = model(X_te)
            r2 = 1 - ((prediction - y_te) ** 2).sum() / ((y_te - y_te.mean()) ** 2).sum()
            print(f"R2 on the test set: {r2.item():.3f}")


if __name__ == "__main__":
    main()
