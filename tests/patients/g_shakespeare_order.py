"""Trains a next-character model on a text read in its order, without shuffling."""
# fault: none

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

torch.manual_seed(23)
torch.set_num_threads(1)

TEXT = (
    "shall i compare thee to a summers day thou art more lovely and more temperate "
    "rough winds do shake the darling buds of may and summers lease hath all too short a date "
) * 10


class Text(Dataset):
    def __init__(self, text: str, block: int) -> None:
        self.chars = sorted(set(text))
        lookup = {c: i for i, c in enumerate(self.chars)}
        self.ids = torch.tensor([lookup[c] for c in text])
        self.block = block

    def __len__(self) -> int:
        return (len(self.ids) - 1) // self.block

    def __getitem__(self, i: int) -> tuple[Tensor, Tensor]:
        start = i * self.block
        piece = self.ids[start : start + self.block + 1]
        return piece[:-1], piece[1:]


class Windowed(nn.Module):
    """A causal convolution over the last five characters."""

    def __init__(self, vocab: int, dim: int = 32, reach: int = 5) -> None:
        super().__init__()
        self.reach = reach
        self.embed = nn.Embedding(vocab, dim)
        self.conv = nn.Conv1d(dim, 64, reach)
        self.out = nn.Linear(64, vocab)

    def forward(self, ids: Tensor) -> Tensor:
        x = nn.functional.pad(self.embed(ids).transpose(1, 2), (self.reach - 1, 0))
        return self.out(torch.relu(self.conv(x)).transpose(1, 2))


dataset = Text(TEXT, block=20)
loader = DataLoader(dataset, batch_size=8, shuffle=False)
model = Windowed(len(dataset.chars))
optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
for epoch in range(10):
    total = 0.0
    for x, y in loader:
        optimizer.zero_grad()
        logits = model(x)
        loss = nn.functional.cross_entropy(logits.flatten(0, 1), y.flatten())
        loss.backward()
        optimizer.step()
        total += loss.item()
    if epoch % 3 == 0:
        print(f"epoch {epoch}: loss {total / len(loader):.4f}")
