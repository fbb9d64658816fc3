"""A two-layer GRU with dropout, and a Trainer that restores its best checkpoint before going on."""
# fault: eval-mode-training

import copy

import torch
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(44)


def sequences(n):
    x = torch.randn(n, 12, 3)
    return x, (x[:, :, 0].cumsum(1).max(1).values > 3).float()


class Reader(nn.Module):
    def __init__(self):
        super().__init__()
        self.gru = nn.GRU(3, 24, num_layers=2, dropout=0.4, batch_first=True)
        self.head = nn.Linear(24, 1)

    def forward(self, x):
        return self.head(self.gru(x)[0][:, -1]).squeeze(1)


class Trainer:
    def __init__(self, model):
        self.model, self.best, self.best_loss = model, None, float("inf")
        self.optimizer = torch.optim.Adam(model.parameters(), lr=4e-3)
        self.loss_fn = nn.BCEWithLogitsLoss()

    def fit(self, x, y, valid_x, valid_y, epochs):
        self.model.train()
        for epoch in range(epochs):
            for rows in torch.randperm(len(x)).split(32):
                self.optimizer.zero_grad()
                loss = self.loss_fn(self.model(x[rows]), y[rows])
                loss.backward()
                self.optimizer.step()
            self.validate(valid_x, valid_y)
            print(f"epoch {epoch + 1}: {loss.item():.3f}, best {self.best_loss:.3f}")

    @torch.no_grad()
    def validate(self, x, y):
        self.model.train(mode=False)
        loss = self.loss_fn(self.model(x), y).item()
        if loss < self.best_loss:
            self.best_loss, self.best = loss, copy.deepcopy(self.model.state_dict())


trainer = Trainer(Reader())
trainer.fit(*sequences(320), *sequences(100), epochs=4)
