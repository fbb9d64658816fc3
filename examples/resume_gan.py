"""Two networks against each other, in a hand-written loop that goes on where it was killed.

One makes points out of noise, the other tells them from points on a ring. Both optimizers and the
noise go on as they were. The SHA-256 of the weights of both is the last line, and always the same.
"""

import hashlib
import math

import torch
from torch import nn

from fivestep import Checkpoint


def sha256(model: nn.Module) -> str:
    """A number made of every bit of the weights: it changes when one of them does."""
    tensors = [tensor.numpy().tobytes() for tensor in model.state_dict().values()]
    return hashlib.sha256(b"".join(tensors)).hexdigest()


def network(inputs: int, outputs: int) -> nn.Module:
    return nn.Sequential(nn.Linear(inputs, 64), nn.LeakyReLU(0.2), nn.Linear(64, outputs))


def main(epochs: int = 40) -> str:
    """Return the SHA-256 of the weights."""
    torch.set_num_threads(1)  # more of them would only wait for each other, on so small a network
    torch.manual_seed(0)
    angles = 2 * math.pi * torch.rand(1280, 1)
    ring = torch.cat([angles.cos(), angles.sin()], dim=1)

    both = nn.ModuleDict({"maker": network(8, 2), "judge": network(2, 1)})
    maker, judge = both["maker"], both["judge"]
    makes = torch.optim.Adam(maker.parameters(), lr=1e-3, betas=(0.5, 0.9))
    judges = torch.optim.Adam(judge.parameters(), lr=1e-3, betas=(0.5, 0.9))
    loss_fn, real, false = nn.BCEWithLogitsLoss(), torch.ones(64, 1), torch.zeros(64, 1)

    saved = {"both": both, "makes": makes, "judges": judges}
    checkpoint = Checkpoint("runs/resume_gan", saved, every="1 epoch")
    for epoch in checkpoint.epochs(epochs):
        for (points,) in checkpoint.batches([(part,) for part in ring.split(64)]):
            made = maker(torch.randn(64, 8))
            judges.zero_grad()
            (loss_fn(judge(points), real) + loss_fn(judge(made.detach()), false)).backward()
            judges.step()
            makes.zero_grad()
            loss_fn(judge(made), real).backward()
            makes.step()
            checkpoint.values["radius"] = made.norm(dim=1).mean().item()
        print(f"epoch {epoch:3}   mean radius {checkpoint.values['radius']:.3f}", flush=True)
    print(f"SHA-256 of the weights: {sha256(both)}")
    return sha256(both)


if __name__ == "__main__":
    main()
