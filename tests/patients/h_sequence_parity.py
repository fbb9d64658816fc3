"""Trains an LSTM to name the sign of the running sum of a batch of sequences."""

# fault: mixed-samples
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

torch.set_num_threads(1)
torch.manual_seed(7)


class SumSign(nn.Module):
    def __init__(self, features: int = 2, hidden: int = 24) -> None:
        super().__init__()
        self.embed = nn.Linear(features, 16)
        self.rnn = nn.LSTM(16, hidden)
        self.head = nn.Linear(hidden, 2)

    def encode(self, x: Tensor) -> Tensor:
        out, _ = self.rnn(torch.tanh(self.embed(x)))
        return out[:, -1]

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.encode(x))


signals = torch.randn(960, 10, 2)
labels = (signals[..., 0].sum(1) > 0).long()
loader = DataLoader(TensorDataset(signals, labels), batch_size=32, shuffle=True)
model = SumSign()
optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
for epoch in range(4):
    total, right = 0.0, 0
    for x, y in loader:
        logits = model(x)
        loss = nn.functional.cross_entropy(logits, y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item()
        right += (logits.argmax(1) == y).sum().item()
    print(f"epoch {epoch} loss {total / len(loader):.3f} accuracy {right / len(signals):.3f}")
