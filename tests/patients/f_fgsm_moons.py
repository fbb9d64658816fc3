"""Adversarial training (FGSM) on two moons: one backward for the attack, one for the update."""

# fault: none
import torch
from sklearn.datasets import make_moons
from torch import Tensor, nn

torch.set_num_threads(1)


def attack(model: nn.Module, x: Tensor, y: Tensor, eps: float) -> Tensor:
    probe = x.clone().requires_grad_(True)
    nn.functional.cross_entropy(model(probe), y).backward()
    return (x + eps * probe.grad.sign()).detach()


class RobustTrainer:
    def __init__(self, model: nn.Module, eps: float = 0.1, lr: float = 1e-2) -> None:
        self.model, self.eps = model, eps
        self.optimizer = torch.optim.AdamW(model.parameters(), lr=lr)

    def step(self, x: Tensor, y: Tensor) -> float:
        hard = attack(self.model, x, y, self.eps)
        self.optimizer.zero_grad()
        loss = nn.functional.cross_entropy(self.model(hard), y)
        loss.backward()
        self.optimizer.step()
        return loss.item()

    def robust_accuracy(self, x: Tensor, y: Tensor) -> float:
        hard = attack(self.model, x, y, self.eps)
        with torch.no_grad():
            return (self.model(hard).argmax(1) == y).float().mean().item()


torch.manual_seed(0)
points, label = make_moons(700, noise=0.1, random_state=0)
x, y = torch.tensor(points, dtype=torch.float32), torch.tensor(label)
trainer = RobustTrainer(nn.Sequential(nn.Linear(2, 48), nn.ReLU(), nn.Linear(48, 2)))
for epoch in range(10):
    losses = [trainer.step(x[i], y[i]) for i in torch.randperm(600).split(60)]
    if epoch % 3 == 0:
        acc = trainer.robust_accuracy(x[600:], y[600:])
        print(f"epoch {epoch} loss {sum(losses) / 10:.3f} robust accuracy {acc:.3f}")
