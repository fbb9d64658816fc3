"""A Wasserstein GAN with weight clipping on two moons."""

# fault: missing-update
import torch
from sklearn.datasets import make_moons
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(9)

points, _ = make_moons(2000, noise=0.05, random_state=0)
points = torch.tensor(points, dtype=torch.float32)
points = (points - points.mean(0)) / points.std(0)


class Generator(nn.Module):
    def __init__(self, noise=8):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(noise, 64), nn.ReLU(), nn.Linear(64, 2))

    def forward(self, z):
        return self.net(z)


class Critic(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(2, 64), nn.LeakyReLU(0.2), nn.Linear(64, 1))

    def forward(self, x):
        return self.net(x)


netG, netD = Generator(), Critic()
optimizerG = torch.optim.RMSprop(netG.parameters(), lr=5e-4)
optimizerD = torch.optim.RMSprop(netD.parameters(), lr=5e-4)

for iteration in range(60):
    for _ in range(3):
        real = points[torch.randint(0, len(points), (64,))]
        netD.zero_grad()
        with torch.no_grad():
            fake = netG(torch.randn(64, 8))
        lossD = netD(fake).mean() - netD(real).mean()
        lossD.backward()
        optimizerD.step()
        with torch.no_grad():
            for p in netD.parameters():
                p.clamp_(-0.05, 0.05)

    netG.zero_grad()
    lossG = -netD(netG(torch.randn(64, 8))).mean()
    lossG.backward()

    if iteration % 10 == 0:
        print(f"[{iteration}] Loss_D {lossD.item():.4f} Loss_G {lossG.item():.4f}")
