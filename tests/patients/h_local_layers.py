"""Trains two layers each on its own goodness, forward only, nothing flowing from one to the other."""

# fault: none
import torch
from sklearn.datasets import load_digits
from torch import Tensor, nn
from torch.nn import functional as F

torch.set_num_threads(1)
torch.manual_seed(29)

digits = load_digits()
x = torch.tensor(digits.data / 16, dtype=torch.float32)
y = torch.tensor(digits.target)


def overlay(images: Tensor, labels: Tensor) -> Tensor:
    return torch.cat([images, 2 * F.one_hot(labels, 10).float()], 1)


class LocalLayer(nn.Linear):
    def __init__(self, inputs: int, outputs: int, threshold: float = 2.0) -> None:
        super().__init__(inputs, outputs)
        self.threshold = threshold
        self.optimizer = torch.optim.Adam(self.parameters(), lr=1e-2)

    def forward(self, inputs: Tensor) -> Tensor:
        return torch.relu(super().forward(F.normalize(inputs, dim=1) * 4))

    def learn(self, good: Tensor, bad: Tensor) -> tuple[Tensor, Tensor, float]:
        out_good, out_bad = self(good), self(bad)
        margins = torch.cat(
            [self.threshold - out_good.square().mean(1), out_bad.square().mean(1) - self.threshold]
        )
        loss = F.softplus(margins).mean()
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        return out_good.detach(), out_bad.detach(), loss.item()


layers = [LocalLayer(74, 128), LocalLayer(128, 128)]


@torch.no_grad()
def predict(images: Tensor) -> Tensor:
    scores = []
    for label in range(10):
        hidden, score = overlay(images, torch.full((len(images),), label)), 0.0
        for layer in layers:
            hidden = layer(hidden)
            score = score + hidden.square().mean(1)
        scores.append(score)
    return torch.stack(scores, 1).argmax(1)


curve = []
for epoch in range(10):
    for rows in torch.randperm(1500).split(100):
        wrong = (y[rows] + torch.randint(1, 10, (len(rows),))) % 10
        good, bad = overlay(x[rows], y[rows]), overlay(x[rows], wrong)
        losses = []
        for layer in layers:
            good, bad, loss = layer.learn(good, bad)
            losses.append(loss)
        curve.append(losses)
accuracy = (predict(x[1500:]) == y[1500:]).float().mean().item()
print(curve[0], curve[-1], f"accuracy {accuracy:.3f}")
assert accuracy > 0.6
