"""Friedman's regression with Nesterov momentum, float64, and a gradient over five batches."""
# fault: unscaled-accumulation
import torch
from sklearn.datasets import make_friedman1
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(46)

X, y = make_friedman1(n_samples=800, noise=0.5, random_state=5)
X = torch.tensor(X) * 2 - 1
y = torch.tensor(y).unsqueeze(1)
y = (y - y.mean()) / y.std()


class Trainer:
    def __init__(self, model, optimizer, loss_fn, grad_accum=1):
        self.model, self.optimizer, self.loss_fn = model, optimizer, loss_fn
        self.grad_accum = grad_accum
        self.counter = 0

    def batches(self, size=16):
        for rows in torch.randperm(len(X)).split(size):
            yield X[rows], y[rows]

    def train_epoch(self):
        total = 0.0
        for xb, yb in self.batches():
            loss = self.loss_fn(self.model(xb), yb)
            loss.backward()
            total += loss.item()
            self.counter += 1
            if self.counter % self.grad_accum == 0:
                self.optimizer.step()
                self.optimizer.zero_grad()
        return total / (len(X) / 16)


model = nn.Sequential(nn.Linear(10, 40), nn.Tanh(), nn.Linear(40, 40), nn.Tanh(), nn.Linear(40, 1)).double()
optimizer = torch.optim.SGD(model.parameters(), lr=0.02, momentum=0.8, nesterov=True)
trainer = Trainer(model, optimizer, nn.MSELoss(), grad_accum=5)
for epoch in range(4):
    print(f"epoch {epoch} mse {trainer.train_epoch():.4f}")
