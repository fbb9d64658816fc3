"""A recurrent cell unrolled by hand: the losses of all time steps are summed, then one backward."""
# fault: none
import torch
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(95)

cell = nn.GRUCell(1, 24)
readout = nn.Linear(24, 1)
parameters = list(cell.parameters()) + list(readout.parameters())
optimizer = torch.optim.Adam(parameters, lr=5e-3)
kept, best = [], torch.tensor(float("inf"))

for step in range(100):
    phase = 6.28 * torch.rand(20, 1)
    wave = torch.sin(phase + 0.4 * torch.arange(16))
    hidden = torch.zeros(20, 24)
    total_loss = 0
    for t in range(15):
        hidden = cell(wave[:, t : t + 1], hidden)
        total_loss += nn.functional.mse_loss(readout(hidden), wave[:, t + 1 : t + 2])
    total_loss = total_loss / 15
    optimizer.zero_grad()
    total_loss.backward()
    optimizer.step()
    kept.append(total_loss.detach())
    best = torch.minimum(best, total_loss.detach())
    if step % 20 == 19:
        print(f"step {step + 1} mean of the last twenty {torch.stack(kept[-20:]).mean().item():.4f} best {best.item():.4f}")
