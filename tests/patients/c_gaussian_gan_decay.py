"""A GAN for a one-dimensional mixture, both rates meant to decay."""

# fault: unstepped-schedule
import torch
import torch.nn as nn

torch.set_num_threads(1)
torch.manual_seed(91)


def sample_real(n):
    centre = torch.randint(0, 2, (n, 1)) * 2.0 - 1.0
    return centre + 0.1 * torch.randn(n, 1)


class G(nn.Module):
    def __init__(self):
        super().__init__()
        self.main = nn.Sequential(
            nn.Linear(3, 24), nn.Tanh(), nn.Linear(24, 24), nn.Tanh(), nn.Linear(24, 1)
        )

    def forward(self, z):
        return self.main(z)


class D(nn.Module):
    def __init__(self):
        super().__init__()
        self.main = nn.Sequential(nn.Linear(1, 24), nn.LeakyReLU(0.2), nn.Linear(24, 1))

    def forward(self, x):
        return self.main(x)


g, d = G(), D()
opt_g = torch.optim.Adam(g.parameters(), lr=2e-3, betas=(0.5, 0.9))
opt_d = torch.optim.Adam(d.parameters(), lr=2e-3, betas=(0.5, 0.9))
sched_g = torch.optim.lr_scheduler.ExponentialLR(opt_g, 0.95)
sched_d = torch.optim.lr_scheduler.ExponentialLR(opt_d, 0.95)
criterion = nn.BCEWithLogitsLoss()

for epoch in range(10):
    for _ in range(20):
        real = sample_real(32)
        fake = g(torch.randn(32, 3))
        opt_d.zero_grad()
        loss_d = criterion(d(real), torch.ones(32, 1)) + criterion(
            d(fake.detach()), torch.zeros(32, 1)
        )
        loss_d.backward()
        opt_d.step()

        opt_g.zero_grad()
        loss_g = criterion(d(fake), torch.ones(32, 1))
        loss_g.backward()
        opt_g.step()
    sched_d.step()
    print(f"epoch {epoch} D {loss_d.item():.3f} G {loss_g.item():.3f}")
