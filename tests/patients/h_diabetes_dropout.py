"""Trains a regression of diabetes progression with heavy dropout and reports the test error."""

# fault: train-mode-evaluation
import torch
import torch.nn as nn
from sklearn.datasets import load_diabetes
from sklearn.model_selection import train_test_split

torch.set_num_threads(1)
torch.manual_seed(5)

X, y = load_diabetes(return_X_y=True)
X = (X - X.mean(0)) / X.std(0)
y = (y - y.mean()) / y.std()
X_train, X_test, y_train, y_test = (
    torch.tensor(a, dtype=torch.float32)
    for a in train_test_split(X, y, test_size=0.2, random_state=0)
)

model = nn.Sequential(
    nn.Linear(10, 64),
    nn.ReLU(),
    nn.Dropout(0.5),
    nn.Linear(64, 64),
    nn.ReLU(),
    nn.Dropout(0.5),
    nn.Linear(64, 1),
)
loss_fn = nn.MSELoss()
opt = torch.optim.Adam(model.parameters(), lr=0.003)

for epoch in range(15):
    order = torch.randperm(len(X_train))
    for i in range(0, len(order), 40):
        rows = order[i : i + 40]
        opt.zero_grad()
        loss = loss_fn(model(X_train[rows]).squeeze(1), y_train[rows])
        loss.backward()
        opt.step()
    with torch.no_grad():
        test_loss = loss_fn(model(X_test).squeeze(1), y_test)
    print(f"epoch {epoch}: train {loss.item():.3f} test {test_loss.item():.3f}")
