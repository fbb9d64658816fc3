"""A convolutional autoencoder for short curves, its losses plotted at the end."""
# fault: kept-graph
import torch
from torch import nn
from torch.nn import functional as F

torch.set_num_threads(1)
torch.manual_seed(20)


class CurveAutoencoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder = nn.Sequential(
            nn.Conv1d(1, 8, 5, stride=2, padding=2), nn.ELU(), nn.Conv1d(8, 8, 5, stride=2, padding=2), nn.ELU()
        )
        self.bottleneck = nn.Linear(64, 4)
        self.expand = nn.Linear(4, 64)
        self.decoder = nn.Sequential(
            nn.ConvTranspose1d(8, 8, 4, stride=2, padding=1), nn.ELU(), nn.ConvTranspose1d(8, 1, 4, stride=2, padding=1)
        )

    def forward(self, curves):
        code = self.bottleneck(self.encoder(curves).flatten(1))
        return self.decoder(self.expand(code).view(-1, 8, 8))


def curves(n):
    t = torch.linspace(0, 1, 32)
    a, b = torch.randn(n, 1), torch.randn(n, 1)
    return (a * torch.sin(6 * t) + b * t).unsqueeze(1)


model = CurveAutoencoder()
optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
history = {"train": [], "valid": []}
for step in range(100):
    batch = curves(24)
    loss = F.mse_loss(model(batch), batch)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    history["train"].append(loss)
    if step % 20 == 0:
        model.eval()
        with torch.no_grad():
            fresh = curves(50)
            history["valid"].append(F.mse_loss(model(fresh), fresh).item())
        model.train()
        print("step", step, "valid", history["valid"][-1])
print("mean training loss of the last ten:", torch.stack(history["train"][-10:]).mean().item())
