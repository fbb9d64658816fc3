"""Trains a digit CNN under bfloat16 autocast with clipped gradients."""
# fault: none

from dataclasses import dataclass

import torch
from sklearn.datasets import load_digits
from torch import Tensor, nn
from torch.optim.lr_scheduler import OneCycleLR
from torch.utils.data import DataLoader, TensorDataset


@dataclass
class Recipe:
    epochs: int = 5
    batch_size: int = 64
    max_lr: float = 1e-2
    max_norm: float = 1.0


class Learner:
    def __init__(self, model: nn.Module, steps: int, recipe: Recipe) -> None:
        self.model, self.recipe = model, recipe
        self.optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
        self.schedule = OneCycleLR(self.optimizer, max_lr=recipe.max_lr, total_steps=steps)

    def loss(self, x: Tensor, y: Tensor) -> Tensor:
        with torch.autocast("cpu", dtype=torch.bfloat16):
            logits = self.model(x)
        return nn.functional.cross_entropy(logits.float(), y)

    def update(self, x: Tensor, y: Tensor) -> float:
        self.optimizer.zero_grad(set_to_none=True)
        loss = self.loss(x, y)
        loss.backward()
        nn.utils.clip_grad_norm_(self.model.parameters(), self.recipe.max_norm)
        self.optimizer.step()
        self.schedule.step()
        return loss.item()

    @torch.inference_mode()
    def accuracy(self, x: Tensor, y: Tensor) -> float:
        self.model.eval()
        hits = (self.model(x).argmax(1) == y).float().mean().item()
        self.model.train()
        return hits


torch.manual_seed(30)
torch.set_num_threads(1)
recipe = Recipe()
X, y = load_digits(return_X_y=True)
x, y = torch.tensor(X / 16, dtype=torch.float32).view(-1, 1, 8, 8), torch.tensor(y)
loader = DataLoader(TensorDataset(x[:1500], y[:1500]), batch_size=recipe.batch_size, shuffle=True)
model = nn.Sequential(
    nn.Conv2d(1, 16, 3, padding=1),
    nn.BatchNorm2d(16),
    nn.ReLU(),
    nn.MaxPool2d(2),
    nn.Flatten(),
    nn.Dropout(0.2),
    nn.Linear(256, 10),
)
learner = Learner(model, recipe.epochs * len(loader), recipe)
for epoch in range(recipe.epochs):
    losses = [learner.update(xb, yb) for xb, yb in loader]
    accuracy = learner.accuracy(x[1500:], y[1500:])
    print(f"epoch {epoch}: loss {sum(losses) / len(losses):.4f} accuracy {accuracy:.3f}")
