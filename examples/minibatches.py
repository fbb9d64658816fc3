"""Mini-batches, held-out data and the two modes of a model, on 569 real tumours.

An epoch is no longer one iteration but fifteen, of 32 samples each. Watch the validation: it is
computed on samples that no update has seen. And watch dropout: in train mode the same input gives
another output every time, in eval mode always the same one. `fit` switches the modes by itself.
"""

import torch
from sklearn.datasets import load_breast_cancer
from torch import Tensor, nn

from fivestep import Run, accuracy, batches, fit, split


def load() -> tuple[tuple[Tensor, Tensor], tuple[Tensor, Tensor]]:
    """Return the pair to train on and the pair to validate on, scaled by what the first knows."""
    inputs, targets = load_breast_cancer(return_X_y=True)  # 30 measurements; 1 means benign
    x = torch.tensor(inputs, dtype=torch.float32)
    y = torch.tensor(targets, dtype=torch.float32).unsqueeze(1)  # the shape of the predictions
    (x_train, y_train), (x_held, y_held) = split((x, y), validation=0.2, stratify=True)
    mean, std = x_train.mean(dim=0), x_train.std(dim=0)
    return ((x_train - mean) / std, y_train), ((x_held - mean) / std, y_held)


def main() -> tuple[Run, float, float]:
    """Return the run, and how far two outputs for one input differ in train and in eval mode."""
    torch.set_num_threads(1)  # more of them would only wait for each other, on so small a network
    torch.manual_seed(0)
    held_in, held_out = load()
    sizes = [len(targets) for _, targets in batches(held_in, batch_size=32).epoch(1)]
    print(f"{sum(sizes)} samples to train on make {len(sizes)} batches: {sizes}")
    print(f"{len(held_out[0])} samples are held out for validation")

    model = nn.Sequential(nn.Linear(30, 32), nn.ReLU(), nn.Dropout(0.5), nn.Linear(32, 1))
    loss_fn = nn.BCEWithLogitsLoss()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    run = fit(
        model,
        loss_fn,
        optimizer,
        held_in,
        epochs=20,
        batch_size=32,
        validate=held_out,
        metrics=accuracy,
    )

    def difference() -> float:
        tumour = held_out[0][:1]
        return (model(tumour) - model(tumour)).abs().item()

    in_train, in_eval = difference(), (model.eval(), difference())[1]
    print(f"one input, two outputs: train mode differs by {in_train:.3f}, eval mode by {in_eval}")
    return run, in_train, in_eval


if __name__ == "__main__":
    main()
