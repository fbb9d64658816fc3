"""Predict travel times between random cities with a Lightning-like trainer."""

# fault: erased-gradient
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

torch.set_num_threads(1)


@dataclass
class TrainerConfig:
    max_epochs: int = 6
    grad_clip: float = 1.0
    lr: float = 5e-3


class TravelModel(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.net = nn.Sequential(nn.Linear(4, 48), nn.SiLU(), nn.Linear(48, 1))

    def training_step(self, batch: tuple[Tensor, Tensor]) -> Tensor:
        x, y = batch
        return nn.functional.l1_loss(self.net(x).squeeze(-1), y)

    def configure_optimizers(self, lr: float) -> torch.optim.Optimizer:
        return torch.optim.AdamW(self.parameters(), lr=lr)


class Trainer:
    def __init__(self, cfg: TrainerConfig) -> None:
        self.cfg = cfg

    def fit(self, model: TravelModel, loader: DataLoader) -> None:
        self.model = model
        self.optimizer = model.configure_optimizers(self.cfg.lr)
        for epoch in range(self.cfg.max_epochs):
            losses = [self._run_batch(batch) for batch in loader]
            print(f"epoch {epoch} mae {sum(losses) / len(losses):.4f}")

    def _run_batch(self, batch: list[Tensor]) -> float:
        loss = self.model.training_step((batch[0], batch[1]))
        loss.backward()
        self._optimizer_step()
        return loss.item()

    def _optimizer_step(self) -> None:
        self._reset()
        nn.utils.clip_grad_norm_(self.model.parameters(), self.cfg.grad_clip)
        self.optimizer.step()

    def _reset(self) -> None:
        for group in self.optimizer.param_groups:
            for p in group["params"]:
                if p.grad is not None:
                    p.grad.zero_()


torch.manual_seed(17)
places = torch.rand(1280, 4) * 2 - 1
hours = (places[:, :2] - places[:, 2:]).norm(dim=1) * 2
loader = DataLoader(TensorDataset(places, hours), batch_size=64, shuffle=True)
Trainer(TrainerConfig()).fit(TravelModel(), loader)
