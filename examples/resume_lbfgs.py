"""LBFGS in a hand-written loop, which goes on where it was killed.

LBFGS takes many looks at the loss for one update and remembers the way it came: all of that is
saved. The SHA-256 of the weights is the last line, and always the same.
"""

import hashlib

import torch
from torch import Tensor, nn

from fivestep import Checkpoint


def sha256(model: nn.Module) -> str:
    """A number made of every bit of the weights: it changes when one of them does."""
    tensors = [tensor.numpy().tobytes() for tensor in model.state_dict().values()]
    return hashlib.sha256(b"".join(tensors)).hexdigest()


def main(updates: int = 60) -> str:
    """Return the SHA-256 of the weights."""
    torch.set_num_threads(1)  # more of them would only wait for each other, on so small a network
    torch.manual_seed(0)
    x = torch.linspace(-3, 3, 200).unsqueeze(1)
    data = x, torch.sin(2 * x)

    model = nn.Sequential(nn.Linear(1, 32), nn.Tanh(), nn.Linear(32, 32), nn.Tanh())
    model.append(nn.Linear(32, 1))
    optimizer = torch.optim.LBFGS(model.parameters(), lr=0.1, max_iter=10)

    saved = {"model": model, "optimizer": optimizer}
    checkpoint = Checkpoint("runs/resume_lbfgs", saved, every="2 epochs")
    for update in checkpoint.epochs(updates):
        for inputs, targets in checkpoint.batches(data, batch_size=len(x)):  # all of it at once

            def closure(inputs: Tensor = inputs, targets: Tensor = targets) -> Tensor:
                optimizer.zero_grad()
                loss = nn.functional.mse_loss(model(inputs), targets)
                loss.backward()
                return loss

            checkpoint.values["loss"] = float(optimizer.step(closure))
        print(f"update {update:3}   loss {checkpoint.values['loss']:.2e}", flush=True)
    print(f"SHA-256 of the weights: {sha256(model)}")
    return sha256(model)


if __name__ == "__main__":
    main()
