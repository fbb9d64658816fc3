"""A 1-d CNN that estimates a peak's position in a spectrum, with a Trainer class."""
# fault: repeated-batch

import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset

torch.set_num_threads(1)
torch.manual_seed(9)


class Spectra(Dataset):
    def __init__(self, n):
        self.position = torch.rand(n) * 2 - 1
        grid = torch.linspace(-1.5, 1.5, 48)
        self.curve = torch.exp(-((grid - self.position[:, None]) ** 2) / 0.05) + 0.1 * torch.randn(
            n, 48
        )

    def __len__(self):
        return len(self.position)

    def __getitem__(self, i):
        return {"curve": self.curve[i].unsqueeze(0), "position": self.position[i].unsqueeze(0)}


class PeakNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv1d(1, 8, 5, stride=2),
            nn.ReLU(),
            nn.Conv1d(8, 8, 5, stride=2),
            nn.ReLU(),
            nn.Flatten(),
        )
        self.head = nn.Linear(72, 1)

    def forward(self, x):
        return self.head(self.body(x))


class Trainer:
    def __init__(self, model, loader, lr=1e-2):
        self.model, self.loader = model, loader
        self.iterator = iter(loader)
        self.optimizer = torch.optim.SGD(model.parameters(), lr=lr, momentum=0.9)
        self.loss_fn = nn.MSELoss()
        self.sample = next(self.iterator)

    def training_step(self, batch):
        prediction = self.model(self.sample["curve"])
        return self.loss_fn(prediction, self.sample["position"])

    def train(self, epochs):
        for epoch in range(epochs):
            total = 0.0
            for batch in self.loader:
                loss = self.training_step(batch)
                self.optimizer.zero_grad()
                loss.backward()
                self.optimizer.step()
                total += loss.item()
            print(f"epoch {epoch}: {total / len(self.loader):.5f}")


trainer = Trainer(PeakNet(), DataLoader(Spectra(320), batch_size=16, shuffle=True))
trainer.train(4)
with torch.no_grad():
    held_out = Spectra(200)
    error = (trainer.model(held_out.curve.unsqueeze(1)).squeeze(1) - held_out.position).abs().mean()
print(f"mean absolute error on new spectra {error:.3f}")
