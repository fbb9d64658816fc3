"""Full-batch logistic regression, for which a rate of ten is right."""

# fault: none
import torch
from sklearn.datasets import load_breast_cancer
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(109)

X, y = load_breast_cancer(return_X_y=True)
X = torch.tensor((X - X.mean(0)) / X.std(0) / 30**0.5)
y = torch.tensor(y, dtype=torch.float64)[:, None]
model = nn.Linear(30, 1, dtype=torch.float64)
optimizer = torch.optim.SGD(model.parameters(), lr=10.0)

for step in range(80):
    logits = model(X)
    loss = nn.functional.binary_cross_entropy_with_logits(logits, y)
    loss.backward()
    optimizer.step()
    optimizer.zero_grad()
    if step % 10 == 0:
        print(step, round(loss.item(), 4), ((logits > 0) == (y > 0.5)).double().mean().item())
