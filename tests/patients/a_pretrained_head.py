"""Loads a pretrained network from a file, then trains all of it further on a new task."""
# fault: eval-mode-training

import io

import torch
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(10)


def make_network(classes):
    return nn.Sequential(
        nn.Linear(20, 64),
        nn.ReLU(),
        nn.Dropout(0.3),
        nn.Linear(64, 64),
        nn.ReLU(),
        nn.Dropout(0.3),
        nn.Linear(64, classes),
    )


def pretrained_weights():
    buffer = io.BytesIO()
    torch.save(make_network(8).state_dict(), buffer)
    buffer.seek(0)
    return buffer


def load_pretrained(file):
    network = make_network(8)
    network.load_state_dict(torch.load(file))
    network.eval()
    return network


def make_task(n):
    x = torch.randn(n, 20)
    y = (x[:, :5].sum(1) + 0.8 * torch.randn(n) > 0).long()
    return x, y


model = load_pretrained(pretrained_weights())
model[-1] = nn.Linear(64, 2)

x, y = make_task(300)
test_x, test_y = make_task(300)
optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3)
loss_fn = nn.CrossEntropyLoss()

for epoch in range(12):
    for rows in torch.randperm(300).split(30):
        loss = loss_fn(model(x[rows]), y[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    if epoch % 3 == 2:
        with torch.no_grad():
            train_acc = (model(x).argmax(1) == y).float().mean().item()
            test_acc = (model(test_x).argmax(1) == test_y).float().mean().item()
        print(
            f"epoch {epoch + 1}: loss {loss.item():.3f} train {train_acc:.3f} test {test_acc:.3f}"
        )
