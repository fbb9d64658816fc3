"""Digits with a trainer that sums gradients over several loaders' batches."""
# fault: leftover-gradient
import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.set_num_threads(1)
torch.manual_seed(49)


class AccumulatingTrainer:
    def __init__(self, model, loader, steps_per_update):
        self.model = model
        self.loader = loader
        self.steps_per_update = steps_per_update
        self.loss = nn.CrossEntropyLoss()
        self.optimizer = torch.optim.SGD(model.parameters(), lr=0.2, momentum=0.9)

    def run(self, epochs):
        for epoch in range(epochs):
            correct = self.run_epoch()
            print(f"epoch {epoch}: accuracy {correct / len(self.loader.dataset):.3f}")

    def run_epoch(self):
        correct = 0
        for step, (x, y) in enumerate(self.loader, start=1):
            scores = self.model(x)
            (self.loss(scores, y) / self.steps_per_update).backward()
            if step % self.steps_per_update == 0:
                self.optimizer.step()
                self.optimizer.zero_grad()
            correct += (scores.argmax(1) == y).sum().item()
        return correct


data = load_digits()
x = torch.tensor(data.data, dtype=torch.float32) / 16
y = torch.tensor(data.target)
loader = DataLoader(TensorDataset(x, y), batch_size=60, shuffle=True)
model = nn.Sequential(nn.Linear(64, 48), nn.ReLU(), nn.Linear(48, 10))
AccumulatingTrainer(model, loader, steps_per_update=7).run(epochs=5)
