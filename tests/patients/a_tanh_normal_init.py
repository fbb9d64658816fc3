"""A wide tanh network on digits with its own initialisation."""
# fault: dead-units

import torch
import torch.nn as nn
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch.utils.data import DataLoader, TensorDataset

torch.set_num_threads(1)
torch.manual_seed(18)

X, y = load_digits(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split((X - 4.9) / 6.0, y, random_state=1)
train_data = TensorDataset(torch.tensor(X_train).float(), torch.tensor(y_train))
loader = DataLoader(train_data, batch_size=64, shuffle=True)


def init_weights(module):
    if isinstance(module, nn.Linear):
        nn.init.normal_(module.weight)
        nn.init.zeros_(module.bias)


net = nn.Sequential(
    nn.Linear(64, 256),
    nn.Tanh(),
    nn.Linear(256, 256),
    nn.Tanh(),
    nn.Linear(256, 256),
    nn.Tanh(),
    nn.Linear(256, 10),
)
net[:-1].apply(init_weights)
optimizer = torch.optim.SGD(net.parameters(), lr=1e-3, momentum=0.9)
loss_fn = nn.CrossEntropyLoss()

for epoch in range(3):
    net.train()
    losses = []
    for xb, yb in loader:
        optimizer.zero_grad()
        loss = loss_fn(net(xb), yb)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    net.eval()
    with torch.no_grad():
        accuracy = (
            (net(torch.tensor(X_test).float()).argmax(1) == torch.tensor(y_test))
            .float()
            .mean()
            .item()
        )
    print(f"epoch {epoch + 1}: loss {sum(losses) / len(losses):.3f}, test accuracy {accuracy:.3f}")
