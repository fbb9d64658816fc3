"""The forward-forward algorithm: each layer learns from its own goodness, nothing flows back."""
# fault: none
import torch
from sklearn.datasets import load_digits
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(91)

digits = load_digits(n_class=4)
pixels = torch.tensor(digits.data, dtype=torch.float32) / 16
labels = torch.tensor(digits.target)
CLASSES = 4


def with_label(x, label):
    return torch.cat([nn.functional.one_hot(label, CLASSES).float() * 2, x], dim=1)


class FFLayer(nn.Module):
    def __init__(self, n_in, n_out, threshold=0.5):
        super().__init__()
        self.linear = nn.Linear(n_in, n_out)
        self.threshold = threshold
        self.optimizer = torch.optim.Adam(self.parameters(), lr=2e-2)

    def forward(self, x):
        return torch.relu(self.linear(x / (x.norm(dim=1, keepdim=True) + 1e-4)))

    def learn(self, positive, negative):
        good = self(positive).pow(2).mean(1)
        bad = self(negative).pow(2).mean(1)
        signed = torch.cat([self.threshold - good, bad - self.threshold])
        loss = nn.functional.softplus(signed).mean()
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        return self(positive).detach(), self(negative).detach(), loss.item()


layers = [FFLayer(64 + CLASSES, 64), FFLayer(64, 64)]
for step in range(300):
    rows = torch.randint(len(pixels), (64,))
    wrong = (labels[rows] + torch.randint(1, CLASSES, (64,))) % CLASSES
    positive, negative = with_label(pixels[rows], labels[rows]), with_label(pixels[rows], wrong)
    losses = []
    for layer in layers:
        positive, negative, loss = layer.learn(positive, negative)
        losses.append(round(loss, 3))
    if step % 60 == 0:
        print("step", step, losses)

with torch.no_grad():
    goodness = []
    for c in range(CLASSES):
        h, total = with_label(pixels, torch.full_like(labels, c)), 0
        for layer in layers:
            h = layer(h)
            total = total + h.pow(2).mean(1)
        goodness.append(total)
    print("accuracy", (torch.stack(goodness, 1).argmax(1) == labels).float().mean().item())
