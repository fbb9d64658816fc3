"""Trains a breast-cancer classifier with gradient accumulation, the short last window weighed by its own size."""

# fault: none
import torch
from sklearn.datasets import load_breast_cancer
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

torch.set_num_threads(1)
torch.manual_seed(3)


class Accumulator:
    """Steps once per `window` micro-batches, and once more for what is left of an epoch."""

    def __init__(
        self, model: nn.Module, optimizer: torch.optim.Optimizer, window: int, batches: int
    ) -> None:
        self.model, self.optimizer, self.window, self.batches = model, optimizer, window, batches

    def size_of_window(self, index: int) -> int:
        start = index - index % self.window
        return min(self.window, self.batches - start)

    def step(self, index: int, loss: Tensor) -> None:
        (loss / self.size_of_window(index)).backward()
        if (index + 1) % self.window == 0 or index + 1 == self.batches:
            nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
            self.optimizer.step()
            self.optimizer.zero_grad()


raw = load_breast_cancer()
features = torch.tensor(raw.data, dtype=torch.float32)
labels = torch.tensor(raw.target, dtype=torch.float32).unsqueeze(1)
order = torch.randperm(len(features))
train, valid = order[:450], order[450:]
mean, std = features[train].mean(0), features[train].std(0)
features = (features - mean) / std

loader = DataLoader(TensorDataset(features[train], labels[train]), batch_size=16, shuffle=True)
model = nn.Sequential(nn.Linear(30, 24), nn.SiLU(), nn.Linear(24, 1))
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
accumulator = Accumulator(model, optimizer, window=4, batches=len(loader))
loss_fn = nn.BCEWithLogitsLoss()

for epoch in range(6):
    model.train()
    running = 0.0
    for index, (x, y) in enumerate(loader):
        loss = loss_fn(model(x), y)
        accumulator.step(index, loss)
        running += loss.item()
    model.eval()
    with torch.no_grad():
        logits = model(features[valid])
        accuracy = ((logits > 0).float() == labels[valid]).float().mean().item()
    print(f"epoch {epoch}: loss {running / len(loader):.3f} valid {accuracy:.3f}")
assert accuracy > 0.92
