"""A denoising autoencoder on digits, reproducible from epoch to epoch."""
# fault: frozen-shuffle

import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.set_num_threads(1)


def set_seed(seed):
    torch.manual_seed(seed)


class Denoiser(nn.Module):
    def __init__(self, width=48):
        super().__init__()
        self.down = nn.Linear(64, width)
        self.up = nn.Linear(width, 64)

    def forward(self, x):
        return torch.sigmoid(self.up(torch.relu(self.down(x))))


def train_one_epoch(model, loader, optimizer, seed):
    set_seed(seed)
    model.train()
    total = 0.0
    for (clean,) in loader:
        noisy = clean + 0.3 * torch.randn_like(clean)
        loss = ((model(noisy) - clean) ** 2).sum(1).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item()
    return total / len(loader)


def main():
    set_seed(21)
    images = torch.tensor(load_digits().data[:960] / 16, dtype=torch.float32)
    loader = DataLoader(TensorDataset(images), batch_size=48, shuffle=True)
    model = Denoiser()
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    for epoch in range(5):
        print(f"epoch {epoch}: {train_one_epoch(model, loader, optimizer, seed=21):.3f}")


main()
