"""A line through noisy points: the smallest training there is, and all five steps are in it.

`train` runs forward, loss, zero_grad, backward and update, and pauses after each of them. Watch the
loss fall to the level of the noise, and the line end near y = 2x + 1, from which the points came.
"""

import torch
from torch import nn

from fivestep import Step, train


def main() -> tuple[float, float]:
    """Return the weight and the bias that were found."""
    torch.manual_seed(0)
    x = torch.linspace(-1, 1, 100).unsqueeze(1)  # 100 points of one number each: shape (100, 1)
    y = 2 * x + 1 + 0.1 * torch.randn(100, 1)

    model = nn.Linear(1, 1)
    loss_fn = nn.MSELoss()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)

    epochs = [(x, y)] * 100  # one batch holds all the points, so each epoch is one iteration
    for moment in train(model, loss_fn, optimizer, epochs):
        if moment.step is Step.UPDATE and moment.iteration % 10 == 0:
            line = f"y = {model.weight.item():.3f}x + {model.bias.item():.3f}"
            print(f"epoch {moment.iteration:3}   loss {moment.loss.item():.4f}   {line}")

    print("the points came from y = 2x + 1, with noise of variance 0.01")
    return model.weight.item(), model.bias.item()


if __name__ == "__main__":
    main()
