"""A linear probe on a random backbone that is trainable but run without gradient."""

# fault: none
import torch
from sklearn.datasets import load_digits
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(106)

digits = load_digits()
images = torch.tensor(digits.images / 16).float().unsqueeze(1)
labels = torch.tensor(digits.target)


class Backbone(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(1, 32, 3), nn.ReLU(), nn.Conv2d(32, 32, 3), nn.ReLU())

    def forward(self, x):
        return self.body(x).flatten(1)


backbone = Backbone().eval()
probe = nn.Sequential(nn.LayerNorm(32 * 16), nn.Linear(32 * 16, 10))
optimizer = torch.optim.Adam(probe.parameters(), lr=2e-3)

for step in range(120):
    rows = torch.randint(0, 1500, (50,))
    with torch.no_grad():
        features = backbone(images[rows])
    loss = nn.functional.cross_entropy(probe(features), labels[rows])
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if step % 30 == 0:
        print(step, loss.item())

probe.eval()
with torch.no_grad():
    print(
        "accuracy",
        (probe(backbone(images[1500:])).argmax(1) == labels[1500:]).float().mean().item(),
    )
