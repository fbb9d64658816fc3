"""A stateful character model that reads a text front to back, batch after batch."""

# fault: none
from collections.abc import Iterator

import torch
from torch import Tensor, nn

torch.set_num_threads(1)

VERSE = (
    "one for the master and one for the dame and one for the little boy who lives down the lane . "
) * 16

State = tuple[Tensor, Tensor]


def columns(data: Tensor, batch: int) -> Tensor:
    usable = len(data) // batch * batch
    return data[:usable].view(batch, -1).T.contiguous()


def stream(text: Tensor, bptt: int) -> Iterator[tuple[Tensor, Tensor]]:
    for i in range(0, len(text) - 1, bptt):
        n = min(bptt, len(text) - 1 - i)
        yield text[i : i + n], text[i + 1 : i + 1 + n]


class CharLSTM(nn.Module):
    def __init__(self, vocab: int, dim: int = 48) -> None:
        super().__init__()
        self.embed = nn.Embedding(vocab, dim)
        self.lstm = nn.LSTM(dim, dim)
        self.out = nn.Linear(dim, vocab)

    def forward(self, ids: Tensor, state: State | None) -> tuple[Tensor, State]:
        h, state = self.lstm(self.embed(ids), state)
        return self.out(h), state


def repackage(state: State) -> State:
    return state[0].detach(), state[1].detach()


torch.manual_seed(0)
vocab = sorted(set(VERSE))
text = columns(torch.tensor([vocab.index(c) for c in VERSE]), batch=8)
model = CharLSTM(len(vocab))
optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
for epoch in range(10):
    state: State | None = None
    losses = []
    for x, y in stream(text, bptt=20):
        logits, state = model(x, state)
        loss = nn.functional.cross_entropy(logits.flatten(0, 1), y.flatten())
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 0.5)
        optimizer.step()
        state = repackage(state)
        losses.append(loss.item())
    print(f"epoch {epoch} perplexity {torch.tensor(losses).mean().exp().item():.2f}")
