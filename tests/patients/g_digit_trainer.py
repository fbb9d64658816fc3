"""Trains a regularised digit classifier with a Trainer class and validation after each epoch."""
# fault: eval-mode-training

from dataclasses import dataclass, field

import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset


@dataclass
class History:
    train: list[float] = field(default_factory=list)
    val: list[float] = field(default_factory=list)


class Trainer:
    def __init__(self, model: nn.Module, lr: float) -> None:
        self.model = model
        self.optimizer = torch.optim.SGD(model.parameters(), lr=lr, momentum=0.9)
        self.loss_fn = nn.CrossEntropyLoss()
        self.history = History()

    def training_step(self, batch: tuple[Tensor, Tensor]) -> float:
        x, y = batch
        self.optimizer.zero_grad()
        loss = self.loss_fn(self.model(x), y)
        loss.backward()
        self.optimizer.step()
        return loss.item()

    @torch.no_grad()
    def validate(self, loader: DataLoader) -> float:
        self.model.eval()
        losses = [self.loss_fn(self.model(x), y).item() for x, y in loader]
        return sum(losses) / len(losses)

    def fit(self, train: DataLoader, val: DataLoader, epochs: int) -> History:
        self.model.train()
        for _ in range(epochs):
            losses = [self.training_step(batch) for batch in train]
            self.history.train.append(sum(losses) / len(losses))
            self.history.val.append(self.validate(val))
        return self.history


torch.manual_seed(2)
torch.set_num_threads(1)
X, y = load_digits(return_X_y=True)
Xt, Xv, yt, yv = train_test_split(X / 16.0, y, test_size=0.2, random_state=2)
train = DataLoader(
    TensorDataset(torch.tensor(Xt).float(), torch.tensor(yt)), batch_size=48, shuffle=True
)
val = DataLoader(TensorDataset(torch.tensor(Xv).float(), torch.tensor(yv)), batch_size=120)
model = nn.Sequential(
    nn.Linear(64, 96),
    nn.BatchNorm1d(96),
    nn.ReLU(),
    nn.Dropout(0.4),
    nn.Linear(96, 96),
    nn.BatchNorm1d(96),
    nn.ReLU(),
    nn.Dropout(0.4),
    nn.Linear(96, 10),
)
history = Trainer(model, lr=0.05).fit(train, val, epochs=6)
for i, (a, b) in enumerate(zip(history.train, history.val)):
    print(f"epoch {i}: train {a:.4f} val {b:.4f}")
print("training mode at the end:", model.training)
