"""Detects which notes sound in synthetic chords, several labels per sample."""
# fault: probabilities-as-logits

import torch
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(24)

NOTES = 6
time = torch.linspace(0, 1, 100)
pitch = torch.tensor([3.0, 4.0, 5.0, 7.0, 9.0, 11.0])


def chords(n):
    on = (torch.rand(n, NOTES) < 0.3).float()
    phase = 6.28 * torch.rand(n, NOTES, 1)
    tones = torch.sin(6.28 * pitch[None, :, None] * time + phase)
    return (on.unsqueeze(-1) * tones).sum(1) + 0.2 * torch.randn(n, 100), on


class Ear(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(100, 128), nn.ReLU(), nn.Linear(128, 64), nn.ReLU())
        self.notes = nn.Linear(64, NOTES)

    def forward(self, wave):
        return torch.sigmoid(self.notes(self.body(wave)))


ear = Ear()
criterion = nn.BCEWithLogitsLoss(pos_weight=torch.full((NOTES,), 2.0))
optimizer = torch.optim.AdamW(ear.parameters(), lr=2e-3)
scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=160, eta_min=1e-5)
for step in range(160):
    wave, on = chords(64)
    optimizer.zero_grad()
    guess = ear(wave)
    loss = criterion(guess, on)
    loss.backward()
    optimizer.step()
    scheduler.step()
    if step % 40 == 0:
        print(step, f"loss {loss.item():.4f}", f"mean guess {guess.mean().item():.3f}")
