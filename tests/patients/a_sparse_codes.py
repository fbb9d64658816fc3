"""A top-k sparse autoencoder on digits: for each image most units are silent, on purpose."""
# fault: none

import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.set_num_threads(1)
torch.manual_seed(22)


class TopK(nn.Module):
    def __init__(self, n_in=64, n_codes=40, k=12):
        super().__init__()
        self.k = k
        self.encoder = nn.Linear(n_in, n_codes)
        self.decoder = nn.Linear(n_codes, n_in)
        self.encoder.weight.data.copy_(nn.functional.normalize(self.decoder.weight.data.t(), dim=1))

    def forward(self, x):
        codes = torch.relu(self.encoder(x - self.decoder.bias))
        value, index = codes.topk(self.k, dim=1)
        sparse = torch.zeros_like(codes).scatter(1, index, value)
        return self.decoder(sparse), sparse


images = torch.tensor(load_digits().data / 16, dtype=torch.float32)
loader = DataLoader(TensorDataset(images), batch_size=64, shuffle=True)
model = TopK()
model.decoder.bias.data.copy_(images.mean(0))
optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
for epoch in range(6):
    total, used = 0.0, torch.zeros(40, dtype=torch.bool)
    for (x,) in loader:
        reconstruction, sparse = model(x)
        loss = nn.functional.mse_loss(reconstruction, x)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item()
        used |= (sparse > 0).any(0)
    print(f"epoch {epoch + 1}: error {total / len(loader):.4f}, {int(used.sum())} of 40 codes used")
