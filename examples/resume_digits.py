"""Handwritten digits again, in a training that can be killed at any moment.

End it with Ctrl-C, with `kill -9` or by pulling the plug, start it again, and it goes on. However
often that happens it ends with the same weights: the SHA-256 of them is the last line.
"""

import hashlib

import torch
from sklearn.datasets import load_digits
from torch import nn

from fivestep import Checkpoint, Run, accuracy, fit, split


def sha256(model: nn.Module) -> str:
    """A number made of every bit of the weights: it changes when one of them does."""
    tensors = [tensor.numpy().tobytes() for tensor in model.state_dict().values()]
    return hashlib.sha256(b"".join(tensors)).hexdigest()


def main(epochs: int = 120) -> tuple[Run, str]:
    """Return the run and the SHA-256 of the weights."""
    torch.set_num_threads(1)  # more of them would only wait for each other, on so small a network
    torch.manual_seed(0)
    images, digits = load_digits(return_X_y=True)  # 1797 images of 8 x 8 pixels from 0 to 16
    x, y = torch.tensor(images / 16, dtype=torch.float32), torch.tensor(digits)
    data, unseen = split((x, y), validation=0.2, stratify=True)

    model = nn.Sequential(nn.Linear(64, 256), nn.BatchNorm1d(256), nn.ReLU(), nn.Dropout(0.3))
    model.append(nn.Linear(256, 10))
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    checkpoint = Checkpoint("runs/resume_digits", every="1 epoch")  # if not said: by the clock
    run = fit(
        model, nn.CrossEntropyLoss(), optimizer, data, epochs=epochs, validate=unseen,
        metrics=accuracy, checkpoint=checkpoint,
    )  # fmt: skip

    if run.reason == "finished" and run.best:
        print(f"best of {len(run.epochs)} epochs: {run.best['validation_accuracy']:.2%} are read")
        print(f"SHA-256 of the weights: {sha256(model)}")
    return run, sha256(model)


if __name__ == "__main__":
    main()
