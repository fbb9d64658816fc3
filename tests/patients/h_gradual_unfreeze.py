"""Trains a pretrained network's head first, then thaws its body at a tenth of the rate."""

# fault: none
import torch
from sklearn.datasets import load_digits
from torch import Tensor, nn

torch.set_num_threads(1)
torch.manual_seed(40)

digits = load_digits()
x = torch.tensor(digits.data / 16, dtype=torch.float32)
y = torch.tensor(digits.target)
body = nn.Sequential(nn.Linear(64, 48), nn.ReLU(), nn.Linear(48, 32), nn.ReLU())


def epoch_of(
    model: nn.Module, optimizer: torch.optim.Optimizer, rows: Tensor, labels: Tensor
) -> float:
    for chunk in rows[torch.randperm(len(rows))].split(50):
        loss = nn.functional.cross_entropy(model(x[chunk]), labels[chunk])
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
    return loss.item()


half = torch.arange(800)
pretraining = nn.Sequential(body, nn.Linear(32, 2))
optimizer = torch.optim.Adam(pretraining.parameters(), lr=5e-3)
for _ in range(3):
    print("odd or even", epoch_of(pretraining, optimizer, half, y % 2))

model = nn.Sequential(body, nn.Linear(32, 10))
for p in body.parameters():
    p.requires_grad_(False)
optimizer = torch.optim.Adam(model[1].parameters(), lr=1e-2)
other = torch.arange(800, 1500)
for epoch in range(10):
    if epoch == 2:
        for p in body.parameters():
            p.requires_grad_(True)
        optimizer.add_param_group({"params": body.parameters(), "lr": 5e-3})
    print("ten classes", epoch_of(model, optimizer, other, y))
with torch.no_grad():
    accuracy = (model(x[1500:]).argmax(1) == y[1500:]).float().mean().item()
print(accuracy)
assert accuracy > 0.75
