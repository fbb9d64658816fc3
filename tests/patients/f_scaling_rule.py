"""Synthetic click data with the linear scaling rule for the learning rate."""

# fault: zero-learning-rate
import argparse

import torch
from torch import Tensor, nn

torch.set_num_threads(1)


def parse_args(argv: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--base-lr", type=float, default=0.4)
    parser.add_argument("--base-batch", type=int, default=256)
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--steps", type=int, default=150)
    parser.add_argument("--seed", type=int, default=0)
    return parser.parse_args(argv)


def scaled_lr(args: argparse.Namespace) -> float:
    """Goyal et al.: the rate grows in proportion to the batch."""
    return args.base_lr * (args.batch_size // args.base_batch)


def build_optimizer(model: nn.Module, args: argparse.Namespace) -> torch.optim.Optimizer:
    decay = [p for p in model.parameters() if p.dim() > 1]
    plain = [p for p in model.parameters() if p.dim() <= 1]
    return torch.optim.SGD(
        [{"params": decay, "weight_decay": 1e-4}, {"params": plain, "weight_decay": 0.0}],
        lr=scaled_lr(args),
        momentum=0.9,
    )


def clicks(n: int) -> tuple[Tensor, Tensor]:
    x = torch.randn(n, 12)
    logit = x[:, :4].sum(1) + x[:, 4] * x[:, 5]
    return x, torch.bernoulli(torch.sigmoid(logit))


def main(args: argparse.Namespace) -> None:
    torch.manual_seed(args.seed)
    x, y = clicks(4000)
    model = nn.Sequential(nn.Linear(12, 32), nn.ReLU(), nn.Linear(32, 1))
    optimizer = build_optimizer(model, args)
    for step in range(args.steps):
        idx = torch.randint(0, len(x), (args.batch_size,))
        logits = model(x[idx]).squeeze(1)
        loss = nn.functional.binary_cross_entropy_with_logits(logits, y[idx])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if step % 30 == 29:
            print(f"step {step} loss {loss.item():.4f}")


main(parse_args([]))
