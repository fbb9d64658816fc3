"""Trains a tabular network with a Trainer class that splits a step into small methods."""
# fault: erased-gradient

import torch
from sklearn.datasets import make_classification
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(23)


class Protocol:
    """Runs forward, backward and update in separate hooks."""

    def __init__(self, model, max_norm=1.0):
        self.model = model
        self.max_norm = max_norm
        self.optimizer = self.configure_optimizer()

    def configure_optimizer(self):
        return torch.optim.AdamW(self.model.parameters(), lr=3e-3, weight_decay=0.0)

    def training_step(self, batch):
        x, y = batch
        return nn.functional.cross_entropy(self.model(x), y)

    def backward(self, loss):
        loss.backward()
        nn.utils.clip_grad_norm_(self.model.parameters(), self.max_norm)

    def optimizer_step(self):
        self.optimizer.zero_grad()
        self.optimizer.step()

    def fit(self, batches, epochs):
        for epoch in range(epochs):
            total = 0.0
            for batch in batches:
                loss = self.training_step(batch)
                self.backward(loss)
                self.optimizer_step()
                total += loss.item()
            print(f"epoch {epoch}: {total / len(batches):.5f}")


x, y = make_classification(600, 20, n_informative=8, n_classes=3, random_state=0)
x = torch.tensor((x - x.mean(0)) / x.std(0), dtype=torch.float32)
batches = list(zip(x.split(30), torch.tensor(y).split(30)))
model = nn.Sequential(nn.Linear(20, 64), nn.ELU(), nn.Linear(64, 3))
Protocol(model).fit(batches, epochs=5)
