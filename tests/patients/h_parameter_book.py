"""Trains a two-layer network kept in a ParameterDict, updated by hand with momentum."""

# fault: none
import torch
from sklearn.datasets import load_iris
from torch import Tensor, nn

torch.set_num_threads(1)
torch.manual_seed(32)

data, target = load_iris(return_X_y=True)
x, y = torch.tensor(data, dtype=torch.float64), torch.tensor(target)
x = (x - x.mean(0)) / x.std(0)
book = nn.ParameterDict(
    {
        "w1": 0.5 * torch.randn(4, 12, dtype=torch.float64),
        "b1": torch.zeros(12, dtype=torch.float64),
        "w2": 0.3 * torch.randn(12, 3, dtype=torch.float64),
        "b2": torch.zeros(3, dtype=torch.float64),
    }
)
velocity = {name: torch.zeros_like(p) for name, p in book.items()}


def logits(inputs: Tensor) -> Tensor:
    hidden = torch.einsum("bi,ih->bh", inputs, book["w1"]) + book["b1"]
    return torch.einsum("bh,ho->bo", hidden.tanh(), book["w2"]) + book["b2"]


def negative_log_likelihood(scores: Tensor, labels: Tensor) -> Tensor:
    return (scores.logsumexp(1) - scores.gather(1, labels[:, None]).squeeze(1)).mean()


curve = []
for step in range(150):
    rows = torch.randint(0, 150, (30,))
    loss = negative_log_likelihood(logits(x[rows]), y[rows])
    loss.backward()
    with torch.no_grad():
        for name, p in book.items():
            velocity[name].mul_(0.9).add_(p.grad)
            p -= 0.05 * velocity[name]
            p.grad = None
    curve.append(loss.item())
with torch.no_grad():
    accuracy = (logits(x).argmax(1) == y).double().mean().item()
print(f"{curve[0]:.3f} -> {curve[-1]:.3f}, accuracy {accuracy:.3f}")
assert accuracy > 0.93
