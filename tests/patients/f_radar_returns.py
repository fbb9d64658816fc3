"""Good and bad radar returns (synthetic); gradients are cleared at the end of each step."""

# fault: none
import torch
from sklearn.datasets import make_classification
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(0)

X, y = make_classification(700, n_features=16, n_informative=8, random_state=2)
X = torch.tensor(X, dtype=torch.float32)
X = (X - X.mean(0)) / X.std(0)
y = torch.tensor(y, dtype=torch.float32)

model = nn.Sequential(nn.Linear(16, 32), nn.ELU(), nn.Linear(32, 1), nn.Flatten(0))
optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9, nesterov=True)

for epoch in range(10):
    running = []
    for idx in torch.randperm(560).split(40):
        loss = nn.functional.binary_cross_entropy_with_logits(model(X[idx]), y[idx])
        loss.backward()
        optimizer.step()
        optimizer.zero_grad(set_to_none=False)
        running.append(loss.item())
    with torch.no_grad():
        acc = ((model(X[560:]) > 0).float() == y[560:]).float().mean().item()
    print(f"epoch {epoch} loss {sum(running) / len(running):.3f} accuracy {acc:.3f}")
