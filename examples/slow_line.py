"""How fast may it learn? The same line again and again, each time with a larger learning rate.

At 0.03 the line y = 0.8x + 0.5 is not reached in 200 epochs. Larger rates come closer, until one
is too large: every update overshoots by more than it corrects, and the loss grows. The limit is
known beforehand: 2 divided by the largest curvature of the loss.
"""

import torch
from torch import Tensor, nn

from fivestep import train

RATES = [0.03, 0.06, 0.12, 0.24, 0.48, 0.96]


def learn(x: Tensor, y: Tensor, rate: float) -> tuple[float, float, float]:
    """Train for 200 epochs from zero; return the weight, the bias and the loss at the end."""
    model = nn.Linear(1, 1)
    nn.init.zeros_(model.weight)
    nn.init.zeros_(model.bias)
    loss_fn = nn.MSELoss()
    optimizer = torch.optim.SGD(model.parameters(), lr=rate)

    for moment in train(model, loss_fn, optimizer, [(x, y)] * 200):
        if moment.loss is not None and moment.loss > 1e6:  # it started below 1
            break
    return model.weight.item(), model.bias.item(), loss_fn(model(x), y).item()


def rate_limit(x: Tensor) -> float:
    """Return the rate at which gradient descent on the mean squared error starts to diverge."""
    features = torch.cat([x, torch.ones_like(x)], dim=1)  # what the weight and the bias multiply
    curvatures = torch.linalg.eigvalsh(2 * features.T @ features / len(x))
    return 2 / curvatures.max().item()


def main() -> dict[float, tuple[float, float, float]]:
    """Return the weight, the bias and the last loss for each rate."""
    x = torch.linspace(0, 1, 50).unsqueeze(1)
    y = 0.8 * x + 0.5
    limit = rate_limit(x)
    results: dict[float, tuple[float, float, float]] = {}

    print("  rate  of limit  weight    bias      loss after 200 epochs, or when it passes 1e6")
    for rate in sorted([*RATES, 0.99 * limit, 1.01 * limit]):
        results[rate] = weight, bias, loss = learn(x, y, rate)
        numbers = f"{weight:8.3g}{bias:8.3g}{loss:10.1e}"
        print(f"{rate:6.3f}{rate / limit:9.0%}{numbers}  {'diverges' if loss > 1 else ''}")
    print(f"predicted limit: 2 / largest curvature = {limit:.3f}")
    return results


if __name__ == "__main__":
    main()
