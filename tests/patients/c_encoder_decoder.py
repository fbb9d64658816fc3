"""A denoising autoencoder of digits, its two halves in two modules."""

# fault: unheld-parameter
import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader

torch.set_num_threads(1)
torch.manual_seed(12)

images = torch.tensor(load_digits().data / 16.0).float()
loader = DataLoader(images[:1500], batch_size=50, shuffle=True)
held_out = images[1500:]


class Encoder(nn.Module):
    def __init__(self, code):
        super().__init__()
        self.hidden = nn.Linear(64, 48)
        self.code = nn.Linear(48, code)

    def forward(self, x):
        return self.code(F.relu(self.hidden(x)))


class Decoder(nn.Module):
    def __init__(self, code):
        super().__init__()
        self.hidden = nn.Linear(code, 48)
        self.image = nn.Linear(48, 64)

    def forward(self, z):
        return torch.sigmoid(self.image(F.relu(self.hidden(z))))


encoder, decoder = Encoder(8), Decoder(8)
optimizer = torch.optim.Adam(decoder.parameters(), lr=2e-3)

for epoch in range(6):
    for clean in loader:
        noisy = (clean + 0.1 * torch.randn_like(clean)).clamp(0, 1)
        reconstruction = decoder(encoder(noisy))
        loss = F.mse_loss(reconstruction, clean)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        encoder.zero_grad()
    with torch.no_grad():
        test = F.mse_loss(decoder(encoder(held_out)), held_out)
    print(f"epoch {epoch} train {loss.item():.4f} test {test.item():.4f}")
