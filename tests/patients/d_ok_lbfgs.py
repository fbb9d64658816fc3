"""Logistic regression on breast cancer by LBFGS with a closure."""
# fault: none

import torch
from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

torch.set_num_threads(1)
torch.manual_seed(63)

x, y = load_breast_cancer(return_X_y=True)
x_train, x_test, y_train, y_test = train_test_split(x, y, test_size=0.25, random_state=0)
scaler = StandardScaler().fit(x_train)
x_train = torch.tensor(scaler.transform(x_train), dtype=torch.float64)
x_test = torch.tensor(scaler.transform(x_test), dtype=torch.float64)
y_train = torch.tensor(y_train, dtype=torch.float64)
y_test = torch.tensor(y_test, dtype=torch.float64)

weight = torch.zeros(30, dtype=torch.float64, requires_grad=True)
bias = torch.zeros(1, dtype=torch.float64, requires_grad=True)
optimizer = torch.optim.LBFGS([weight, bias], lr=0.5, max_iter=10)


def closure():
    optimizer.zero_grad()
    logits = x_train @ weight + bias
    loss = torch.nn.functional.binary_cross_entropy_with_logits(logits, y_train)
    loss = loss + 1e-2 * weight.square().sum()
    loss.backward()
    return loss


for step in range(10):
    loss = optimizer.step(closure)
    print(f"step {step}: loss {loss.item():.5f}")

with torch.no_grad():
    right = ((x_test @ weight + bias > 0).double() == y_test).double().mean().item()
print(f"test accuracy {right:.3f}")
