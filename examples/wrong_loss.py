"""A classification done wrong, with mean squared error on class numbers, beside the right one.

The same network tells three kinds of iris apart, once with cross-entropy and once by fitting the
class number itself, as if kind 2 were twice kind 1. Watch what the mere order of the numbers does:
to cross-entropy nothing, to squared error much, as distances between class numbers mean nothing.
"""

from statistics import mean

import torch
from sklearn.datasets import load_iris
from torch import Tensor, nn

from fivestep import accuracy, fit, split

NAMES = ["setosa", "versicolor", "virginica"]


def nearest(prediction: Tensor, targets: Tensor) -> float:
    """Compute the accuracy of a class number: the nearest whole one is the class."""
    return (prediction.round() == targets).double().mean().item()


def learn(x: Tensor, kinds: Tensor, seed: int, *, wrong: bool) -> float:
    """Train on half of the flowers; return the accuracy on the other half."""
    torch.manual_seed(seed)
    model = nn.Sequential(nn.Linear(4, 16), nn.ReLU(), nn.Linear(16, 1 if wrong else 3))
    loss_fn = nn.MSELoss() if wrong else nn.CrossEntropyLoss()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    metric = {"accuracy": nearest if wrong else accuracy}
    y = kinds.float().unsqueeze(1) if wrong else kinds  # squared error wants floats, (N, 1)
    data, other = split((x, y), validation=0.5, stratify=kinds, seed=seed)
    run = fit(
        model, loss_fn, optimizer, data, epochs=100, validate=other, metrics=metric, progress=False
    )
    if run.reason == "interrupted":  # Ctrl-C ends a fit, and here all that follow
        raise KeyboardInterrupt
    return run.epochs[-1]["validation_accuracy"]


def main() -> list[tuple[float, float]]:
    """Return the mean accuracies with cross-entropy and with squared error, for each numbering."""
    torch.set_num_threads(1)  # more of them would only wait for each other, on so small a network
    flowers, species = load_iris(return_X_y=True)
    x, species = torch.tensor(flowers, dtype=torch.float32), torch.tensor(species)
    results: list[tuple[float, float]] = []
    print(f"{'mean accuracy of five seeds':<42}cross-entropy   squared error")
    for numbers in ([0, 1, 2], [1, 0, 2]):  # as they lie in nature; then with setosa in the middle
        kinds = torch.tensor(numbers)[species]
        right, wrong = (mean(learn(x, kinds, s, wrong=w) for s in range(5)) for w in (False, True))
        results.append((right, wrong))
        told = ", ".join(f"{name} {number}" for name, number in zip(NAMES, numbers, strict=True))
        print(f"{told:<42}{right:13.1%}{wrong:16.1%}")
    return results


if __name__ == "__main__":
    main()
