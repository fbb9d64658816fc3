"""Handwritten digits, learned in seconds, with the five steps in plain sight.

The first two batches go through the steps one by one: each line shows what a step left behind.
Then `fit` repeats the same five, and what counts is the accuracy on images it never trained on.
"""

from itertools import islice

import torch
from sklearn.datasets import load_digits
from torch import nn

from fivestep import Run, accuracy, batches, fit, split, train


def main() -> Run:
    """Return the run."""
    torch.set_num_threads(1)  # more of them would only wait for each other, on so small a network
    torch.manual_seed(0)
    images, digits = load_digits(return_X_y=True)  # 1797 images of 8 x 8 pixels from 0 to 16
    x, y = torch.tensor(images / 16, dtype=torch.float32), torch.tensor(digits)
    data, unseen = split((x, y), validation=0.2, stratify=True)

    last = nn.Linear(256, 10)
    model = nn.Sequential(nn.Linear(64, 256), nn.BatchNorm1d(256), nn.ReLU(), nn.Dropout(0.3), last)
    loss_fn = nn.CrossEntropyLoss()
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)

    print("Two batches, step by step, and one of the model's weights with its gradient:\n")
    print("step             loss    gradient      weight")
    for moment in train(model, loss_fn, optimizer, islice(batches(data).epoch(1), 2)):
        loss = "" if moment.loss is None else f"{moment.loss:.4f}"
        gradient = "none" if last.bias.grad is None else f"{last.bias.grad[0]:+.4f}"
        print(f"{moment.step.value:<9}{loss:>12}{gradient:>12}{last.bias[0]:>+12.4f}")

    print("\nThe same five steps for 30 epochs:\n", flush=True)
    run = fit(
        model, loss_fn, optimizer, data, epochs=30, validate=unseen, metrics=accuracy, record="runs"
    )

    print("\nepoch      loss   validation loss   validation accuracy")
    done = [epoch for epoch in run.epochs if "validation_loss" in epoch]  # Ctrl-C may cut one short
    for epoch in [e for e in done if e is run.best or e in done[-5:]]:
        numbers = f"{epoch['validation_loss']:18.4f}{epoch['validation_accuracy']:22.2%}"
        print(f"{epoch['epoch']:5}{epoch['loss']:10.4f}{numbers}{'  best' * (epoch is run.best)}")
    print(f"\nRead it back: fivestep.Run.load({str(run.path)!r})")
    return run


if __name__ == "__main__":
    main()
