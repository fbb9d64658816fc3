"""Count the ones in a binary image, with a trainer class and callbacks for printing."""
# fault: missing-backward
import torch
import torch.nn as nn
from torch.utils.data import DataLoader, TensorDataset

torch.set_num_threads(1)
torch.manual_seed(50)

images = (torch.rand(512, 1, 6, 6) < torch.rand(512, 1, 1, 1)).float()
fraction = images.mean(dim=(1, 2, 3)).unsqueeze(1)


class Printer:
    def on_epoch_end(self, epoch, logs):
        print(f"epoch {epoch}: " + ", ".join(f"{k} {v:.4f}" for k, v in logs.items()))


class Fitter:
    def __init__(self, model, optimizer, criterion, callbacks=()):
        self.model, self.optimizer, self.criterion, self.callbacks = model, optimizer, criterion, callbacks

    def fit(self, train, valid, epochs):
        for epoch in range(epochs):
            logs = {"loss": self._train(train), "val_loss": self._validate(valid)}
            for callback in self.callbacks:
                callback.on_epoch_end(epoch, logs)

    def _train(self, loader):
        self.model.train()
        total = 0.0
        for x, y in loader:
            self.optimizer.zero_grad()
            output = self.model(x)
            loss = self.criterion(output, y)
            total += loss.item()
            self.optimizer.step()
        return total / len(loader)

    def _validate(self, loader):
        self.model.eval()
        with torch.no_grad():
            return sum(self.criterion(self.model(x), y).item() for x, y in loader) / len(loader)


dataset = TensorDataset(images, fraction)
train, valid = torch.utils.data.random_split(dataset, [448, 64])
model = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(64, 1))
fitter = Fitter(model, torch.optim.Adam(model.parameters(), lr=1e-3), nn.MSELoss(), [Printer()])
fitter.fit(DataLoader(train, 32, shuffle=True), DataLoader(valid, 64), epochs=5)
