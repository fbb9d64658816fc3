"""Cross-validates a wine classifier over three folds with a fresh copy of the network each."""
# fault: orphaned-optimizer

import copy

import torch
from sklearn.datasets import load_wine
from sklearn.model_selection import StratifiedKFold
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(44)

x, y = load_wine(return_X_y=True)
x = (x - x.mean(0)) / x.std(0)
features, labels = torch.tensor(x, dtype=torch.float32), torch.tensor(y)

template = nn.Sequential(nn.Linear(13, 32), nn.ReLU(), nn.Dropout(0.2), nn.Linear(32, 3))
optimizer = torch.optim.Adam(template.parameters(), lr=5e-3)
criterion = nn.CrossEntropyLoss()

scores = []
splitter = StratifiedKFold(n_splits=3, shuffle=True, random_state=0)
for fold, (train, test) in enumerate(splitter.split(x, y)):
    model = copy.deepcopy(template)
    model.train()
    for _ in range(15):
        for idx in torch.tensor(train)[torch.randperm(len(train))].split(20):
            model.zero_grad()
            loss = criterion(model(features[idx]), labels[idx])
            loss.backward()
            optimizer.step()
    model.eval()
    with torch.no_grad():
        hit = (model(features[test]).argmax(1) == labels[test]).float().mean().item()
    scores.append(hit)
    print(f"fold {fold}: loss {loss.item():.4f} accuracy {hit:.3f}")
print("mean accuracy", sum(scores) / len(scores))
