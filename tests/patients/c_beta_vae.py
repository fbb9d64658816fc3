"""A VAE whose divergence term grows with time: the total rises, and should."""

# fault: none
import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(121)

pixels = torch.tensor(load_digits().data / 16, dtype=torch.float32)


class VAE(nn.Module):
    def __init__(self, code=4):
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 2 * code))
        self.decoder = nn.Sequential(nn.Linear(code, 64), nn.ReLU(), nn.Linear(64, 64))

    def forward(self, x):
        mean, logvar = self.encoder(x).chunk(2, dim=1)
        code = mean + torch.randn_like(mean) * (0.5 * logvar).exp()
        return self.decoder(code), mean, logvar


model = VAE()
optimizer = torch.optim.Adam(model.parameters(), lr=4e-3)
STEPS = 300
for step in range(STEPS):
    x = pixels[torch.randint(0, 1797, (64,))]
    logits, mean, logvar = model(x)
    reconstruction = F.binary_cross_entropy_with_logits(logits, x, reduction="sum") / 64
    divergence = 0.5 * (mean**2 + logvar.exp() - 1 - logvar).sum() / 64
    beta = 4.0 * max(0.0, step / STEPS - 0.25)
    loss = reconstruction + beta * divergence
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if step % 50 == 0:
        print(
            f"{step} loss {loss.item():.2f} = {reconstruction.item():.2f} + {beta:.2f} * {divergence.item():.2f}"
        )
