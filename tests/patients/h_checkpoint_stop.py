"""Trains with early stopping, the best weights written to a temporary folder and read back."""

# fault: none
import tempfile
from dataclasses import dataclass
from pathlib import Path

import torch
from sklearn.datasets import make_classification
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(31)


@dataclass
class EarlyStopping:
    folder: Path
    patience: int = 3
    best: float = float("inf")
    bad: int = 0

    def __call__(self, score: float, model: nn.Module, optimizer: torch.optim.Optimizer) -> bool:
        if score < self.best:
            self.best, self.bad = score, 0
            torch.save(
                {"model": model.state_dict(), "optimizer": optimizer.state_dict()},
                self.folder / "best.pt",
            )
        else:
            self.bad += 1
        return self.bad >= self.patience


features, labels = make_classification(900, 20, n_informative=8, class_sep=1.2, random_state=2)
x, y = torch.tensor(features, dtype=torch.float32), torch.tensor(labels)
train_x, train_y, valid_x, valid_y = x[:700], y[:700], x[700:], y[700:]
mean, std = train_x.mean(0), train_x.std(0)
train_x, valid_x = (train_x - mean) / std, (valid_x - mean) / std
model = nn.Sequential(nn.Linear(20, 32), nn.ReLU(), nn.Dropout(0.3), nn.Linear(32, 2))
optimizer = torch.optim.AdamW(model.parameters(), lr=5e-3, weight_decay=0.1)


def validate() -> tuple[float, float]:
    model.eval()
    with torch.no_grad():
        logits = model(valid_x)
    return nn.functional.cross_entropy(logits, valid_y).item(), (
        logits.argmax(1) == valid_y
    ).float().mean().item()


with tempfile.TemporaryDirectory() as folder:
    stopper = EarlyStopping(Path(folder))
    for epoch in range(20):
        model.train()
        for rows in torch.randperm(700).split(70):
            loss = nn.functional.cross_entropy(model(train_x[rows]), train_y[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        score, accuracy = validate()
        print(f"{epoch} {loss.item():.3f} {score:.3f} {accuracy:.3f}")
        if stopper(score, model, optimizer):
            break
    model.load_state_dict(torch.load(Path(folder) / "best.pt", weights_only=True)["model"])
score, accuracy = validate()
assert abs(score - stopper.best) < 1e-6 and accuracy > 0.8
