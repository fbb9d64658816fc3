"""Trains logistic regression on breast-cancer data by L-BFGS with a closure."""

# fault: none
import torch
from sklearn.datasets import load_breast_cancer
from sklearn.preprocessing import scale
from torch import Tensor, nn

torch.set_num_threads(1)
torch.manual_seed(21)

x, y = load_breast_cancer(return_X_y=True)
x = torch.tensor(scale(x), dtype=torch.float32)
y = torch.tensor(y, dtype=torch.float32)
model = nn.Linear(30, 1)
optimizer = torch.optim.LBFGS(model.parameters(), lr=1.0, max_iter=8, line_search_fn="strong_wolfe")


def objective() -> Tensor:
    logits = model(x).squeeze(-1)
    penalty = 1e-3 * model.weight.square().sum()
    return nn.functional.binary_cross_entropy_with_logits(logits, y) + penalty


def closure() -> Tensor:
    optimizer.zero_grad()
    loss = objective()
    loss.backward()
    return loss


history = [optimizer.step(closure).item() for _ in range(6)]
with torch.no_grad():
    accuracy = ((model(x).squeeze(-1) > 0) == (y > 0)).float().mean().item()
print([f"{v:.4f}" for v in history], f"{accuracy:.3f}")
assert accuracy > 0.97
