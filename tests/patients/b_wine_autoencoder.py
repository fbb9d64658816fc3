"""Compress standardised wine measurements to three numbers and back."""
# fault: unreachable-target
import torch
from sklearn.datasets import load_wine
from sklearn.preprocessing import StandardScaler
from torch import nn, optim

torch.set_num_threads(1)
torch.manual_seed(28)

wine = StandardScaler().fit_transform(load_wine().data)
data = torch.as_tensor(wine, dtype=torch.float32)


class AE(nn.Module):
    def __init__(self, n_in, n_code):
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(n_in, 32), nn.ReLU(True), nn.Linear(32, n_code))
        self.decoder = nn.Sequential(nn.Linear(n_code, 32), nn.ReLU(True), nn.Linear(32, n_in), nn.Sigmoid())

    def forward(self, x):
        return self.decoder(self.encoder(x))


def run_epoch(model, criterion, optimizer, batch_size=32):
    total = 0.0
    for rows in torch.randperm(len(data)).split(batch_size):
        batch = data[rows]
        reconstruction = model(batch)
        loss = criterion(reconstruction, batch)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item() * len(batch)
    return total / len(data)


if __name__ == "__main__":
    model = AE(data.shape[1], 3)
    criterion = nn.MSELoss()
    optimizer = optim.AdamW(model.parameters(), lr=5e-3)
    for epoch in range(25):
        loss = run_epoch(model, criterion, optimizer)
        if epoch % 5 == 0:
            print(f"epoch [{epoch + 1}/25], loss:{loss:.4f}")
