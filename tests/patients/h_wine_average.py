"""Trains a wine classifier and scores an exponential moving average of its weights."""

# fault: none
import copy

import torch
from sklearn.datasets import load_wine
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(1)


class Ema:
    def __init__(self, model: nn.Module, decay: float) -> None:
        self.shadow = copy.deepcopy(model).requires_grad_(False).eval()
        self.decay = decay

    @torch.no_grad()
    def update(self, model: nn.Module) -> None:
        for kept, live in zip(self.shadow.parameters(), model.parameters()):
            kept.lerp_(live, 1 - self.decay)
        for kept, live in zip(self.shadow.buffers(), model.buffers()):
            kept.copy_(live)


wine = load_wine()
train_x, test_x, train_y, test_y = train_test_split(
    wine.data, wine.target, test_size=0.25, random_state=0, stratify=wine.target
)
scaler = StandardScaler().fit(train_x)
train_x = torch.tensor(scaler.transform(train_x), dtype=torch.float32)
test_x = torch.tensor(scaler.transform(test_x), dtype=torch.float32)
train_y, test_y = torch.tensor(train_y), torch.tensor(test_y)

model = nn.Sequential(nn.Linear(13, 32), nn.BatchNorm1d(32), nn.ReLU(), nn.Linear(32, 3))
ema = Ema(model, decay=0.9)
optimizer = torch.optim.SGD(
    model.parameters(), lr=0.1, momentum=0.9, nesterov=True, weight_decay=1e-4
)

for epoch in range(20):
    for rows in torch.randperm(len(train_x)).split(32):
        model.train()
        loss = nn.functional.cross_entropy(model(train_x[rows]), train_y[rows])
        loss.backward()
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        ema.update(model)
    if epoch % 5 == 4:
        with torch.inference_mode():
            accuracy = (ema.shadow(test_x).argmax(-1) == test_y).float().mean().item()
        print(f"{epoch:3d} {loss.item():.4f} {accuracy:.3f}")
assert accuracy > 0.9
