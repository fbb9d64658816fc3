"""Predict customer churn from a synthetic table with a closure-built training step."""
# fault: collapsed-output | single-logit

import torch
from sklearn.datasets import make_classification
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.set_num_threads(1)
torch.manual_seed(30)

x, y = make_classification(
    n_samples=1200, n_features=12, n_informative=6, weights=[0.6], random_state=3
)
x = torch.tensor(x, dtype=torch.float32)
x = (x - x.mean(0)) / x.std(0)
y = torch.tensor(y, dtype=torch.float32).unsqueeze(1)
train = TensorDataset(x[:900], y[:900])


class ChurnNet(nn.Module):
    def __init__(self, n_features):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(n_features, 32), nn.ReLU(), nn.Linear(32, 16), nn.ReLU(), nn.Linear(16, 1)
        )
        self.activation = nn.Softmax(dim=1)

    def forward(self, x):
        return self.activation(self.layers(x))


def make_step(model, loss_fn, optimizer):
    def step(xb, yb):
        model.train()
        loss = loss_fn(model(xb), yb)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        return loss.item()

    return step


model = ChurnNet(12)
step = make_step(model, nn.BCELoss(), torch.optim.Adam(model.parameters(), lr=1e-3))

for epoch in range(6):
    losses = [step(xb, yb) for xb, yb in DataLoader(train, batch_size=60, shuffle=True)]
    model.eval()
    with torch.no_grad():
        accuracy = ((model(x[900:]) > 0.5).float() == y[900:]).float().mean().item()
    print(f"epoch {epoch}: loss {sum(losses) / len(losses):.3f} val accuracy {accuracy:.3f}")
