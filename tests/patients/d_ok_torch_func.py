"""A functional training step with torch.func and momentum kept in a dictionary."""
# fault: none

import torch
from torch import nn
from torch.func import functional_call, grad_and_value

torch.set_num_threads(1)
torch.manual_seed(72)

x = torch.randn(400, 5)
y = torch.sin(x[:, :1]) + x[:, 1:2] * x[:, 2:3]

skeleton = nn.Sequential(nn.Linear(5, 48), nn.GELU(), nn.Linear(48, 1))
params = {k: v.detach().clone() for k, v in skeleton.named_parameters()}
velocity = {k: torch.zeros_like(v) for k, v in params.items()}


def objective(weights, inputs, targets):
    predicted = functional_call(skeleton, weights, (inputs,))
    return nn.functional.mse_loss(predicted, targets)


step_fn = grad_and_value(objective)

for epoch in range(20):
    for rows in torch.randperm(300).split(50):
        grads, loss = step_fn(params, x[rows], y[rows])
        velocity = {k: 0.9 * velocity[k] + grads[k] for k in params}
        params = {k: params[k] - 0.02 * velocity[k] for k in params}
    if epoch % 5 == 4:
        with torch.no_grad():
            held_out = objective(params, x[300:], y[300:]).item()
        print(f"epoch {epoch + 1} train {loss.item():.4f} held-out {held_out:.4f}")
