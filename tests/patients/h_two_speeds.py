"""Trains embeddings and matrices with two optimizers side by side on a bag-of-words sentiment toy."""

# fault: none
import torch
from torch import Tensor, nn

torch.set_num_threads(1)
torch.manual_seed(38)

reviews = [
    ("what a lovely warm film", 1), ("truly great fun to watch", 1), ("a great and lovely story", 1),
    ("i loved it warm and funny", 1), ("fun great cast lovely music", 1), ("a warm funny great film", 1),
    ("what a dull awful film", 0), ("truly boring slow to watch", 0), ("a slow and awful story", 0),
    ("i hated it dull and boring", 0), ("awful cast boring music slow", 0), ("a dull boring awful film", 0),
]  # fmt: skip
vocabulary = {
    word: i for i, word in enumerate(sorted({w for text, _ in reviews for w in text.split()}))
}


def encode(batch: list[tuple[str, int]]) -> tuple[Tensor, Tensor, Tensor]:
    ids, offsets = [], []
    for text, _ in batch:
        offsets.append(len(ids))
        ids += [vocabulary[w] for w in text.split()]
    return (
        torch.tensor(ids),
        torch.tensor(offsets),
        torch.tensor([float(label) for _, label in batch]),
    )


class Bag(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.words = nn.EmbeddingBag(len(vocabulary), 12, mode="mean", sparse=True)
        self.head = nn.Sequential(nn.Linear(12, 12), nn.ReLU(), nn.Linear(12, 1))

    def forward(self, ids: Tensor, offsets: Tensor) -> Tensor:
        return self.head(self.words(ids, offsets)).squeeze(-1)


model = Bag()
optimizers = [
    torch.optim.SparseAdam(model.words.parameters(), lr=2e-2),
    torch.optim.Adam(model.head.parameters(), lr=5e-3),
]
ids, offsets, labels = encode(reviews)
curve = []
for step in range(80):
    for optimizer in optimizers:
        optimizer.zero_grad()
    loss = nn.functional.binary_cross_entropy_with_logits(model(ids, offsets), labels)
    loss.backward()
    for optimizer in optimizers:
        optimizer.step()
    curve.append(loss.item())
print(f"{curve[0]:.3f} -> {curve[-1]:.3f}")
assert curve[-1] < 0.2
