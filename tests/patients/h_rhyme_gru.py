"""Trains a character GRU on a rhyme, chunk after chunk, the state carried over."""

# fault: none
import torch
from torch import Tensor, nn

torch.set_num_threads(1)
torch.manual_seed(8)

text = (
    "the rain in spain stays mainly in the plain, and the crane in the lane complains again. " * 24
).strip()
vocabulary = sorted(set(text))
ids = torch.tensor([vocabulary.index(c) for c in text])


def batchify(stream: Tensor, rows: int) -> Tensor:
    width = len(stream) // rows
    return stream[: rows * width].view(rows, width)


class CharModel(nn.Module):
    def __init__(self, size: int, hidden: int) -> None:
        super().__init__()
        self.embed = nn.Embedding(size, 16)
        self.rnn = nn.GRU(16, hidden, batch_first=True)
        self.head = nn.Linear(hidden, size)

    def forward(self, tokens: Tensor, state: Tensor | None) -> tuple[Tensor, Tensor]:
        out, state = self.rnn(self.embed(tokens), state)
        return self.head(out), state


grid = batchify(ids, rows=8)
model = CharModel(len(vocabulary), 48)
optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
span = 16
first = last = None
for epoch in range(8):
    state = None
    for start in range(0, grid.size(1) - span - 1, span):
        tokens, following = grid[:, start : start + span], grid[:, start + 1 : start + span + 1]
        if state is not None:
            state = state.detach()
        logits, state = model(tokens, state)
        loss = nn.functional.cross_entropy(logits.flatten(0, 1), following.flatten())
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        first = first or loss.item()
        last = loss.item()
    print(f"epoch {epoch} loss {last:.3f}")
assert last < 0.5 * first
