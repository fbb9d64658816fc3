"""Trains an encoder and a head under one optimizer each, in a home-made trainer."""

# fault: stale-gradient
import torch
from sklearn.datasets import load_digits
from torch import Tensor, nn

torch.set_num_threads(1)
torch.manual_seed(16)


class Trainer:
    def __init__(self, encoder: nn.Module, head: nn.Module) -> None:
        self.encoder, self.head = encoder, head
        self.encoder_opt = torch.optim.SGD(encoder.parameters(), lr=0.05, momentum=0.9)
        self.head_opt = torch.optim.SGD(head.parameters(), lr=0.05, momentum=0.9)

    def before(self) -> None:
        self.head_opt.zero_grad()

    def after(self) -> None:
        for optimizer in (self.encoder_opt, self.head_opt):
            optimizer.step()

    def step(self, x: Tensor, y: Tensor) -> float:
        self.before()
        loss = nn.functional.cross_entropy(self.head(self.encoder(x)), y)
        loss.backward()
        self.after()
        return loss.item()


digits = load_digits()
x, y = torch.tensor(digits.data / 16, dtype=torch.float32), torch.tensor(digits.target)
trainer = Trainer(nn.Sequential(nn.Linear(64, 48), nn.ReLU()), nn.Linear(48, 10))
for epoch in range(6):
    losses = [trainer.step(x[rows], y[rows]) for rows in torch.randperm(len(x)).split(64)]
    print(f"epoch {epoch} mean loss {sum(losses) / len(losses):.3f}")
