"""Softmax regression on iris, the whole table in each step."""

# fault: none
import torch
from sklearn.datasets import load_iris
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(0)

iris = load_iris()
X = torch.tensor(iris.data, dtype=torch.float64)
X = (X - X.mean(0)) / X.std(0)
y = torch.tensor(iris.target)

model = nn.Linear(4, 3, dtype=torch.float64)
nn.init.zeros_(model.weight)
optimizer = torch.optim.SGD(model.parameters(), lr=1.0)

for step in range(100):
    optimizer.zero_grad()
    logits = model(X)
    loss = nn.functional.cross_entropy(logits, y)
    loss.backward()
    optimizer.step()
    if step % 20 == 19:
        print(step, loss.item(), (logits.argmax(1) == y).double().mean().item())
