"""Trains a detector of a rare class with a weighted sampler and worker processes."""

# fault: none
import torch
from sklearn.datasets import make_classification
from torch import nn
from torch.utils.data import DataLoader, TensorDataset, WeightedRandomSampler

torch.set_num_threads(1)
torch.manual_seed(36)

features, labels = make_classification(
    1500, 10, n_informative=6, weights=[0.93], class_sep=1.5, flip_y=0.0, random_state=3
)
x, y = torch.tensor(features, dtype=torch.float32), torch.tensor(labels, dtype=torch.float32)
x = (x - x.mean(0)) / x.std(0)
train_y = y[:1200]
weights = torch.where(train_y == 1, 1 / train_y.mean(), 1 / (1 - train_y.mean()))

if __name__ == "__main__":
    sampler = WeightedRandomSampler(weights.tolist(), num_samples=1200, replacement=True)
    loader = DataLoader(
        TensorDataset(x[:1200], train_y), batch_size=60, sampler=sampler, num_workers=1
    )
    model = nn.Sequential(nn.Linear(10, 32), nn.ReLU(), nn.Linear(32, 1), nn.Flatten(0))
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    criterion = nn.BCEWithLogitsLoss()
    for epoch in range(3):
        for inputs, targets in loader:
            optimizer.zero_grad()
            loss = criterion(model(inputs), targets)
            loss.backward()
            optimizer.step()
    with torch.no_grad():
        flagged = model(x[1200:]) > 0
    recall = flagged[y[1200:] == 1].float().mean().item()
    quiet = (~flagged[y[1200:] == 0]).float().mean().item()
    print(f"loss {loss.item():.3f} recall {recall:.3f} specificity {quiet:.3f}")
    assert recall > 0.6 and quiet > 0.7
