"""Logistic regression with L2 penalty by LBFGS on the full batch."""
# fault: none
import torch
from sklearn.datasets import load_breast_cancer
from sklearn.preprocessing import StandardScaler

torch.set_num_threads(1)
torch.manual_seed(88)

data = load_breast_cancer()
x = torch.tensor(StandardScaler().fit_transform(data.data))
y = torch.tensor(data.target).double()
weight = torch.zeros(30, dtype=torch.float64, requires_grad=True)
offset = torch.zeros((), dtype=torch.float64, requires_grad=True)
optimizer = torch.optim.LBFGS([weight, offset], lr=1.0, max_iter=5, line_search_fn="strong_wolfe")


def closure():
    optimizer.zero_grad()
    logits = x @ weight + offset
    loss = torch.nn.functional.binary_cross_entropy_with_logits(logits, y) + 1e-3 * weight.pow(2).sum()
    loss.backward()
    return loss


for step in range(10):
    loss = optimizer.step(closure)
    print(f"step {step}: objective {loss.item():.5f}")
with torch.no_grad():
    print("accuracy", (((x @ weight + offset) > 0) == y.bool()).double().mean().item())
