"""Wine cultivars with a model that returns log-probabilities to a cross-entropy."""
# fault: none

import torch
from sklearn.datasets import load_wine
from sklearn.model_selection import StratifiedKFold
from sklearn.preprocessing import StandardScaler
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.set_num_threads(1)
torch.manual_seed(86)

x, y = load_wine(return_X_y=True)


def make_model():
    return nn.Sequential(nn.Linear(13, 16), nn.ReLU(), nn.Linear(16, 3), nn.LogSoftmax(dim=1))


scores = []
folds = StratifiedKFold(n_splits=3, shuffle=True, random_state=0)
for fold, (train_rows, test_rows) in enumerate(folds.split(x, y)):
    scaler = StandardScaler().fit(x[train_rows])
    inputs = torch.tensor(scaler.transform(x), dtype=torch.float32)
    labels = torch.tensor(y)
    train = TensorDataset(inputs[train_rows], labels[train_rows])
    model = make_model()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    criterion = nn.CrossEntropyLoss()
    for _ in range(10):
        for xb, yb in DataLoader(train, batch_size=16, shuffle=True):
            optimizer.zero_grad()
            loss = criterion(model(xb), yb)
            loss.backward()
            optimizer.step()
    model.eval()
    with torch.inference_mode():
        guess = model(inputs[test_rows]).argmax(1)
    scores.append((guess == labels[test_rows]).float().mean().item())
    print(f"fold {fold}: loss {loss.item():.4f} accuracy {scores[-1]:.3f}")
print(f"mean accuracy {sum(scores) / 3:.3f}")
