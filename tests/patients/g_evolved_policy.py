"""Trains a policy for a point that seeks a goal by evolution of its weights."""
# fault: none

import torch
from torch import Tensor, nn
from torch.nn.utils import parameters_to_vector, vector_to_parameters

torch.manual_seed(38)
torch.set_num_threads(1)


class Seeker(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.net = nn.Sequential(nn.Linear(4, 16), nn.Tanh(), nn.Linear(16, 2), nn.Tanh())

    def forward(self, place: Tensor, goal: Tensor) -> Tensor:
        return self.net(torch.cat([place, goal], 1))


def episode(policy: Seeker, start: Tensor, goal: Tensor, steps: int = 8) -> float:
    place = start
    for _ in range(steps):
        place = place + 0.3 * policy(place, goal)
    return -(place - goal).norm(dim=1).mean().item()


@torch.no_grad()
def evolve(policy: Seeker, generation: int, pairs: int = 12, sigma: float = 0.1) -> float:
    centre = parameters_to_vector(policy.parameters())
    start, goal = torch.rand(32, 2) * 2 - 1, torch.rand(32, 2) * 2 - 1
    direction = torch.zeros_like(centre)
    for _ in range(pairs):
        noise = torch.randn_like(centre)
        scores = []
        for sign in (1, -1):
            vector_to_parameters(centre + sign * sigma * noise, policy.parameters())
            scores.append(episode(policy, start, goal))
        direction += (scores[0] - scores[1]) * noise
    step = 0.3 / (1 + generation / 30) * direction / (direction.norm() + 1e-8)
    vector_to_parameters(centre + step, policy.parameters())
    return episode(policy, start, goal)


policy = Seeker()
for generation in range(60):
    score = evolve(policy, generation)
    if generation % 12 == 11 or generation == 0:
        print(f"generation {generation + 1}: score {score:.3f}")
