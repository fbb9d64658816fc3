"""Count the dots in a picture by regression with a convolutional network."""
# fault: none
import torch
import torch.nn as nn
import torch.nn.functional as F

torch.set_num_threads(1)
torch.manual_seed(77)


def pictures(n):
    count = torch.randint(0, 10, (n,))
    order = torch.rand(n, 144).argsort(dim=1)
    on = (order < count[:, None]).float().view(n, 1, 12, 12)
    return on + 0.05 * torch.randn_like(on), count


class Counter(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 8, 3, padding=1)
        self.conv2 = nn.Conv2d(8, 8, 3, padding=1)
        self.out = nn.Linear(8, 1)

    def forward(self, x):
        x = F.relu(self.conv1(x))
        x = F.relu(self.conv2(x))
        return self.out(x.sum(dim=(2, 3)) / 10).squeeze(1)


model = Counter()
optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
for step in range(150):
    x, count = pictures(32)
    loss = F.mse_loss(model(x), count.float())
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if step % 30 == 0:
        print(f"step {step}: squared error {loss.item():.3f}")
with torch.no_grad():
    x, count = pictures(300)
    print("within half a dot:", ((model(x) - count).abs() < 0.5).float().mean().item())
