"""PPO with a clipped objective on a contextual bandit with four levers."""

# fault: none
from dataclasses import dataclass

import torch
from torch import Tensor, nn

torch.set_num_threads(1)


@dataclass
class PPOConfig:
    contexts: int = 5
    levers: int = 4
    rollout: int = 256
    inner_epochs: int = 3
    minibatch: int = 64
    clip: float = 0.2
    lr: float = 1e-2
    iterations: int = 15


class ActorCritic(nn.Module):
    def __init__(self, cfg: PPOConfig) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Linear(cfg.contexts, 32), nn.Tanh(), nn.LayerNorm(32))
        self.policy = nn.Linear(32, cfg.levers)
        self.value = nn.Linear(32, 1)

    def forward(self, x: Tensor) -> tuple[torch.distributions.Categorical, Tensor]:
        h = self.body(x)
        return torch.distributions.Categorical(logits=self.policy(h)), self.value(h).squeeze(-1)


@torch.no_grad()
def rollout(model: ActorCritic, payoff: Tensor, cfg: PPOConfig) -> dict[str, Tensor]:
    c = torch.randint(0, cfg.contexts, (cfg.rollout,))
    x = nn.functional.one_hot(c, cfg.contexts).float()
    dist, value = model(x)
    a = dist.sample()
    reward = payoff[c, a] + 0.1 * torch.randn(cfg.rollout)
    return {"x": x, "a": a, "logp": dist.log_prob(a), "r": reward, "adv": reward - value}


def ppo_loss(model: ActorCritic, b: dict[str, Tensor], cfg: PPOConfig) -> Tensor:
    dist, value = model(b["x"])
    ratio = (dist.log_prob(b["a"]) - b["logp"]).exp()
    adv = (b["adv"] - b["adv"].mean()) / (b["adv"].std() + 1e-6)
    surrogate = torch.minimum(ratio * adv, ratio.clamp(1 - cfg.clip, 1 + cfg.clip) * adv)
    return -surrogate.mean() + 0.5 * (value - b["r"]).square().mean() - 0.01 * dist.entropy().mean()


torch.manual_seed(1)
cfg = PPOConfig()
payoff = torch.rand(cfg.contexts, cfg.levers)
model = ActorCritic(cfg)
optimizer = torch.optim.Adam(model.parameters(), lr=cfg.lr)
for iteration in range(cfg.iterations):
    data = rollout(model, payoff, cfg)
    for _ in range(cfg.inner_epochs):
        for idx in torch.randperm(cfg.rollout).split(cfg.minibatch):
            loss = ppo_loss(model, {k: v[idx] for k, v in data.items()}, cfg)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    if iteration % 5 == 4:
        print(
            f"iteration {iteration} reward {data['r'].mean():.3f} of {payoff.max(1)[0].mean():.3f}"
        )
