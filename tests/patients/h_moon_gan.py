"""Trains a generative adversarial network on two moons."""

# fault: none
import torch
from sklearn.datasets import make_moons
from torch import Tensor, nn

torch.set_num_threads(1)
torch.manual_seed(9)

points, _ = make_moons(1024, noise=0.05, random_state=0)
real_points = torch.tensor((points - points.mean(0)) / points.std(0), dtype=torch.float32)


def mlp(inputs: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Linear(inputs, 64),
        nn.LeakyReLU(0.2),
        nn.Linear(64, 64),
        nn.LeakyReLU(0.2),
        nn.Linear(64, outputs),
    )


generator, discriminator = mlp(4, 2), mlp(2, 1)
g_opt = torch.optim.Adam(generator.parameters(), lr=1e-3, betas=(0.5, 0.99))
d_opt = torch.optim.Adam(discriminator.parameters(), lr=1e-3, betas=(0.5, 0.99))
bce = nn.BCEWithLogitsLoss()


def discriminator_step(real: Tensor) -> float:
    fake = generator(torch.randn(len(real), 4)).detach()
    loss = bce(discriminator(real), torch.ones(len(real), 1)) + bce(
        discriminator(fake), torch.zeros(len(real), 1)
    )
    d_opt.zero_grad()
    loss.backward()
    d_opt.step()
    return loss.item()


def generator_step(size: int) -> float:
    fake = generator(torch.randn(size, 4))
    loss = bce(discriminator(fake), torch.ones(size, 1))
    g_opt.zero_grad()
    loss.backward()
    g_opt.step()
    return loss.item()


def gap() -> float:
    with torch.no_grad():
        fake = generator(torch.randn(1024, 4))
    return (
        (fake.mean(0) - real_points.mean(0)).abs().sum()
        + (fake.std(0) - real_points.std(0)).abs().sum()
    ).item()


before = gap()
for step in range(300):
    rows = torch.randint(0, 1024, (128,))
    d_loss = discriminator_step(real_points[rows])
    g_loss = generator_step(128)
    if step % 100 == 0:
        print(f"{step} d {d_loss:.3f} g {g_loss:.3f} gap {gap():.3f}")
after = gap()
print(f"gap {before:.3f} -> {after:.3f}")
assert after < 0.6 * before
