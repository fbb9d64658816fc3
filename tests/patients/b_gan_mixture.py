"""A GAN that should learn a mixture of two normals."""
# fault: missing-backward
import torch
from torch import nn, optim

torch.set_num_threads(1)
torch.manual_seed(51)


class Generator(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(3, 24), nn.Tanh(), nn.Linear(24, 1))

    def forward(self, z):
        return self.net(z)


class Discriminator(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(1, 24), nn.ReLU(), nn.Linear(24, 24), nn.ReLU(), nn.Linear(24, 1))

    def forward(self, x):
        return self.net(x)


def real(n):
    side = torch.randint(2, (n, 1)).float() * 2 - 1
    return 1.5 * side + 0.3 * torch.randn(n, 1)


generator, discriminator = Generator(), Discriminator()
g_optimizer = optim.RMSprop(generator.parameters(), lr=1e-3)
d_optimizer = optim.RMSprop(discriminator.parameters(), lr=1e-3)
criterion = nn.BCEWithLogitsLoss()

for step in range(100):
    z = torch.randn(50, 3)
    with torch.no_grad():
        fake = generator(z)
    d_optimizer.zero_grad()
    d_real = criterion(discriminator(real(50)), torch.ones(50, 1))
    d_fake = criterion(discriminator(fake), torch.zeros(50, 1))
    d_loss = d_real + d_fake
    d_loss.backward()
    d_optimizer.step()

    g_optimizer.zero_grad()
    g_loss = criterion(discriminator(generator(torch.randn(50, 3))), torch.ones(50, 1))
    g_optimizer.step()

    if step % 20 == 0:
        print(f"step {step} d_loss {d_loss.item():.3f} g_loss {g_loss.item():.3f}")
with torch.no_grad():
    print("generated spread", generator(torch.randn(1000, 3)).std().item(), "real", real(1000).std().item())
