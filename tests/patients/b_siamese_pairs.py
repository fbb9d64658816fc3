"""Same class or not: a siamese network on pairs of digits."""
# fault: broadcast-metric
import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits

torch.set_num_threads(1)
torch.manual_seed(35)

digits = load_digits(n_class=4)
pixels = torch.tensor(digits.data, dtype=torch.float32) / 16
classes = torch.tensor(digits.target)


def draw_pairs(n):
    left = torch.randint(len(pixels), (n,))
    right = torch.randint(len(pixels), (n,))
    for i in range(0, n, 2):
        same = (classes == classes[left[i]]).nonzero().squeeze(1)
        right[i] = same[torch.randint(len(same), (1,))]
    return pixels[left], pixels[right], (classes[left] == classes[right]).long()


class Siamese(nn.Module):
    def __init__(self):
        super().__init__()
        self.branch = nn.Sequential(nn.Linear(64, 48), nn.ReLU(), nn.Linear(48, 16))
        self.head = nn.Linear(16, 1)

    def forward(self, a, b):
        return self.head((self.branch(a) - self.branch(b)).abs())


model = Siamese()
optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
for step in range(100):
    a, b, same = draw_pairs(32)
    logits = model(a, b)
    loss = F.binary_cross_entropy_with_logits(logits.view(-1), same.float())
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if step % 20 == 0:
        _, predicted = torch.max(logits, dim=1)
        accuracy = (predicted == same).float().mean().item()
        print(f"step {step} loss {loss.item():.4f} accuracy {accuracy:.3f}")
