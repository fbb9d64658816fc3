"""Fine-tunes a small CNN whose normalisation layers keep their statistics."""
# fault: none

import torch
from sklearn.datasets import load_digits
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset


class Net(nn.Module):
    def __init__(self, classes: int) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(1, 16, 3, padding=1), nn.BatchNorm2d(16), nn.ReLU())
        self.body = nn.Sequential(nn.Conv2d(16, 16, 3, padding=1), nn.BatchNorm2d(16), nn.ReLU())
        self.head = nn.Linear(16 * 16, classes)
        self.fixed_norms = False

    def forward(self, x: Tensor) -> Tensor:
        x = F.max_pool2d(self.body(self.stem(x)), 2)
        return self.head(x.flatten(1))

    def train(self, mode: bool = True) -> "Net":
        super().train(mode)
        if self.fixed_norms:
            for module in self.modules():
                if isinstance(module, nn.BatchNorm2d):
                    module.eval()
        return self

    def fix_norms(self) -> None:
        self.fixed_norms = True
        for module in self.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.requires_grad_(False)


def run(net: Net, loader: DataLoader, epochs: int, lr: float) -> None:
    learned = [p for p in net.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(learned, lr=lr)
    net.train()
    for epoch in range(epochs):
        total = 0.0
        for x, y in loader:
            optimizer.zero_grad()
            loss = F.cross_entropy(net(x), y)
            loss.backward()
            optimizer.step()
            total += loss.item()
        print(f"  epoch {epoch}: loss {total / len(loader):.4f}")


torch.manual_seed(16)
torch.set_num_threads(1)
X, y = load_digits(return_X_y=True)
x, y = torch.tensor(X / 16, dtype=torch.float32).view(-1, 1, 8, 8), torch.tensor(y)
low, high = y < 5, y >= 5
net = Net(5)
print("first task")
run(net, DataLoader(TensorDataset(x[low], y[low]), batch_size=64, shuffle=True), 2, 3e-3)
net.head = nn.Linear(256, 5)
net.fix_norms()
print("second task")
run(net, DataLoader(TensorDataset(x[high], y[high] - 5), batch_size=8, shuffle=True), 1, 2e-3)
