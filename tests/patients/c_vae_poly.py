"""A variational autoencoder of digits with a polynomial schedule."""

# fault: zero-learning-rate
import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import nn, optim
from torch.optim.lr_scheduler import PolynomialLR
from torch.utils.data import DataLoader, TensorDataset

torch.set_num_threads(1)
torch.manual_seed(25)

pixels = torch.tensor(load_digits().data / 16, dtype=torch.float32)
train_loader = DataLoader(TensorDataset(pixels[:1280]), batch_size=128, shuffle=True)


class VAE(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1 = nn.Linear(64, 48)
        self.mu = nn.Linear(48, 6)
        self.logvar = nn.Linear(48, 6)
        self.fc3 = nn.Linear(6, 48)
        self.fc4 = nn.Linear(48, 64)

    def forward(self, x):
        h = F.relu(self.fc1(x))
        mu, logvar = self.mu(h), self.logvar(h)
        z = mu + torch.randn_like(mu) * torch.exp(0.5 * logvar)
        return self.fc4(F.relu(self.fc3(z))), mu, logvar


def elbo(logits, x, mu, logvar):
    reconstruction = F.binary_cross_entropy_with_logits(logits, x, reduction="sum")
    divergence = -0.5 * torch.sum(1 + logvar - mu.pow(2) - logvar.exp())
    return (reconstruction + divergence) / len(x)


model = VAE()
optimizer = optim.Adam(model.parameters(), lr=1e-3)
scheduler = PolynomialLR(optimizer, power=0.9)

for epoch in range(1, 21):
    model.train()
    train_loss = 0
    for (x,) in train_loader:
        optimizer.zero_grad()
        logits, mu, logvar = model(x)
        loss = elbo(logits, x, mu, logvar)
        loss.backward()
        optimizer.step()
        train_loss += loss.item()
    scheduler.step()
    if epoch % 4 == 0:
        print(f"====> epoch {epoch} average loss {train_loss / len(train_loader):.3f}")
