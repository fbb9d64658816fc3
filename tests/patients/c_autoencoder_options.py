"""An autoencoder of handwritten digits in a train function with options."""

# fault: diverging-loss
import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader

torch.set_num_threads(1)
torch.manual_seed(18)

OPTIONS = {"lr": 1e-3, "betas": (0.9, 0.99), "weight_decay": 1e-4, "maximize": True}


class AutoEncoder(nn.Module):
    def __init__(self, bottleneck=10):
        super().__init__()
        self.encode = nn.Sequential(nn.Linear(64, 40), nn.ELU(), nn.Linear(40, bottleneck))
        self.decode = nn.Sequential(nn.Linear(bottleneck, 40), nn.ELU(), nn.Linear(40, 64))

    def forward(self, x):
        return self.decode(self.encode(x))


def make_optimizer(parameters, options):
    return torch.optim.Adam(parameters, **options)


def train(model, loader, epochs):
    criterion = nn.MSELoss()
    optimizer = make_optimizer(model.parameters(), OPTIONS)
    for epoch in range(epochs):
        total = 0.0
        for x in loader:
            reconstruction = model(x)
            loss = criterion(reconstruction, x)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item()
        print(f"epoch {epoch} mse {total / len(loader):.4f}")


images = torch.tensor(load_digits().data / 16, dtype=torch.float32)
train(AutoEncoder(), DataLoader(images, batch_size=64, shuffle=True), epochs=4)
