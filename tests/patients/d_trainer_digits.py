"""A home-made Trainer fits a convolutional network with dropout on digits."""
# fault: eval-mode-training

import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset, random_split


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(1, 12, 3)
        self.norm = nn.BatchNorm2d(12)
        self.drop = nn.Dropout(0.4)
        self.fc = nn.Linear(12 * 9, 10)

    def forward(self, x):
        x = nn.functional.max_pool2d(torch.relu(self.norm(self.conv(x))), 2)
        return self.fc(self.drop(x.flatten(1)))


class Trainer:
    def __init__(self, model, optimizer, max_epochs):
        self.model = model
        self.optimizer = optimizer
        self.max_epochs = max_epochs
        self.history = []

    def fit(self, train_loader, val_loader):
        self.model.train()
        for epoch in range(self.max_epochs):
            for batch in train_loader:
                self.optimizer.zero_grad()
                loss = self.training_step(batch)
                loss.backward()
                self.optimizer.step()
            self.history.append(self.validate(val_loader))
            print(f"epoch {epoch}: train {loss.item():.3f} val acc {self.history[-1]:.3f}")

    def training_step(self, batch):
        x, y = batch
        return nn.functional.cross_entropy(self.model(x), y)

    @torch.no_grad()
    def validate(self, loader):
        self.model.eval()
        hits = total = 0
        for x, y in loader:
            hits += (self.model(x).argmax(1) == y).sum().item()
            total += len(y)
        return hits / total


torch.set_num_threads(1)
torch.manual_seed(0)
digits = load_digits()
x = torch.tensor(digits.images, dtype=torch.float32).unsqueeze(1) / 16
data = TensorDataset(x, torch.tensor(digits.target))
train, val = random_split(data, [1300, 497])

net = Net()
trainer = Trainer(net, torch.optim.Adam(net.parameters(), lr=3e-3), max_epochs=5)
trainer.fit(DataLoader(train, batch_size=64, shuffle=True), DataLoader(val, batch_size=128))
