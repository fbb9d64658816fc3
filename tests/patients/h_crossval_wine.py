"""Trains one small network per fold of a cross-validation on the wines."""

# fault: none
import torch
from sklearn.datasets import load_wine
from sklearn.model_selection import StratifiedKFold
from torch import Tensor, nn

torch.set_num_threads(1)
torch.manual_seed(30)

data, target = load_wine(return_X_y=True)
x, y = torch.tensor(data, dtype=torch.float32), torch.tensor(target)


def standardise(train: Tensor, held: Tensor) -> tuple[Tensor, Tensor]:
    mean, std = train.mean(0), train.std(0)
    return (train - mean) / std, (held - mean) / std


def make_model() -> nn.Module:
    return nn.Sequential(nn.Linear(13, 24), nn.ReLU(), nn.Dropout(0.2), nn.Linear(24, 3))


def run_fold(train_rows, held_rows) -> tuple[float, float]:
    train_x, held_x = standardise(x[train_rows], x[held_rows])
    model = make_model()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    for _ in range(12):
        model.train()
        for rows in torch.randperm(len(train_x)).split(24):
            optimizer.zero_grad()
            loss = nn.functional.cross_entropy(model(train_x[rows]), y[train_rows][rows])
            loss.backward()
            optimizer.step()
    model.eval()
    with torch.no_grad():
        return loss.item(), (model(held_x).argmax(1) == y[held_rows]).float().mean().item()


scores = []
for fold, (train_rows, held_rows) in enumerate(
    StratifiedKFold(4, shuffle=True, random_state=0).split(data, target)
):
    loss, accuracy = run_fold(torch.tensor(train_rows), torch.tensor(held_rows))
    scores.append(accuracy)
    print(f"fold {fold}: loss {loss:.3f} accuracy {accuracy:.3f}")
assert sum(scores) / 4 > 0.93
