"""Denoising autoencoder for digits, warm-started from a checkpoint in a temporary folder."""

# fault: eval-mode-training
import tempfile
from pathlib import Path

import torch
from sklearn.datasets import load_digits
from torch import Tensor, nn

torch.set_num_threads(1)
torch.manual_seed(2)


class Denoiser(nn.Module):
    def __init__(self, dim: int = 64, width: int = 96) -> None:
        super().__init__()
        self.encoder = nn.Sequential(nn.Dropout(0.3), nn.Linear(dim, width), nn.GELU())
        self.decoder = nn.Sequential(nn.Dropout(0.2), nn.Linear(width, dim))

    def forward(self, x: Tensor) -> Tensor:
        return self.decoder(self.encoder(x))


class Checkpointer:
    def __init__(self, folder: Path) -> None:
        self.path = folder / "last.pt"

    def save(self, model: nn.Module) -> None:
        torch.save(model.state_dict(), self.path)

    def restore(self, model: nn.Module) -> nn.Module:
        model.load_state_dict(torch.load(self.path, weights_only=True))
        return model.eval()


class Trainer:
    def __init__(self, model: nn.Module, data: Tensor, lr: float = 2e-3) -> None:
        self.model = model
        self.data = data
        self.optimizer = torch.optim.Adam(model.parameters(), lr=lr)

    def _step(self, clean: Tensor) -> float:
        noisy = clean + 0.2 * torch.randn_like(clean)
        loss = nn.functional.mse_loss(self.model(noisy), clean)
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        return loss.item()

    def fit(self, epochs: int) -> None:
        for epoch in range(epochs):
            perm = torch.randperm(len(self.data)).split(128)
            losses = [self._step(self.data[idx]) for idx in perm]
            print(f"epoch {epoch}: {sum(losses) / len(losses):.4f}")


digits = torch.tensor(load_digits().data, dtype=torch.float32) / 16
with tempfile.TemporaryDirectory() as tmp:
    checkpointer = Checkpointer(Path(tmp))
    checkpointer.save(Denoiser())
    model = checkpointer.restore(Denoiser())
    Trainer(model, digits).fit(epochs=6)
