"""A hand-written loop that goes on where it was killed: three of its lines are the checkpoint's.

They make the checkpoint, and count the epochs and the batches. Dropout, the schedule and Adam's
averages go on as well. The SHA-256 of the weights is the last line, and always the same.
"""

import hashlib

import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from fivestep import Checkpoint


def sha256(model: nn.Module) -> str:
    """A number made of every bit of the weights: it changes when one of them does."""
    tensors = [tensor.numpy().tobytes() for tensor in model.state_dict().values()]
    return hashlib.sha256(b"".join(tensors)).hexdigest()


def main(epochs: int = 40) -> str:
    """Return the SHA-256 of the weights."""
    torch.set_num_threads(1)  # more of them would only wait for each other, on so small a network
    torch.manual_seed(0)
    x = torch.rand(1000, 1) * 6 - 3
    loader = DataLoader(TensorDataset(x, torch.sin(2 * x)), batch_size=50, shuffle=True)

    model = nn.Sequential(nn.Linear(1, 64), nn.Tanh(), nn.Dropout(0.1), nn.Linear(64, 1))
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    schedule = torch.optim.lr_scheduler.ExponentialLR(optimizer, gamma=0.95)

    saved = {"model": model, "optimizer": optimizer, "schedule": schedule}
    checkpoint = Checkpoint("runs/resume_loop", saved, every="1 epoch")
    for epoch in checkpoint.epochs(epochs):
        for inputs, targets in checkpoint.batches(loader):
            loss = nn.functional.mse_loss(model(inputs), targets)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            checkpoint.values["loss"] = loss.item()
        schedule.step()
        print(f"epoch {epoch:3}   loss {checkpoint.values['loss']:.4f}", flush=True)
    print(f"SHA-256 of the weights: {sha256(model)}")
    return sha256(model)


if __name__ == "__main__":
    main()
