"""The old idiom made right: the epoch's schedule is stepped at the top, but not before the first epoch."""

# fault: none
import torch
from sklearn.datasets import load_iris
from torch import nn
from torch.optim.lr_scheduler import ReduceLROnPlateau, StepLR

torch.set_num_threads(1)
torch.manual_seed(114)

X, y = load_iris(return_X_y=True)
X = torch.tensor((X - X.mean(0)) / X.std(0), dtype=torch.float32)
y = torch.tensor(y)
order = torch.randperm(150)
train, valid = order[:110], order[110:]

model = nn.Sequential(nn.Linear(4, 24), nn.Tanh(), nn.Linear(24, 3))
optimizer = torch.optim.RMSprop(model.parameters(), lr=3e-3)
steps = StepLR(optimizer, step_size=8, gamma=0.5)
plateau = ReduceLROnPlateau(optimizer, patience=50)

for epoch in range(20):
    if epoch > 0:
        steps.step()
    model.train()
    for rows in train[torch.randperm(110)].split(10):
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(model(X[rows]), y[rows])
        loss.backward()
        optimizer.step()
    model.eval()
    with torch.no_grad():
        logits = model(X[valid])
        held = nn.functional.cross_entropy(logits, y[valid])
    plateau.step(held)
    if epoch % 5 == 0:
        print(epoch, loss.item(), held.item(), (logits.argmax(1) == y[valid]).float().mean().item())
