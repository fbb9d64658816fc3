"""Trains an encoder and a decoder with teacher forcing to reverse words of varying length."""

# fault: none
import random

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_sequence
from torch.utils.data import DataLoader, Dataset

torch.set_num_threads(1)
torch.manual_seed(35)
random.seed(35)

PAD, START, LETTERS = 0, 1, 8


class Words(Dataset):
    def __init__(self, size: int) -> None:
        self.words = [
            [random.randint(2, LETTERS + 1) for _ in range(random.randint(2, 5))]
            for _ in range(size)
        ]

    def __len__(self) -> int:
        return len(self.words)

    def __getitem__(self, index: int) -> Tensor:
        return torch.tensor(self.words[index])


def collate(words: list[Tensor]) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    lengths = torch.tensor([len(w) for w in words])
    source = pad_sequence(words, batch_first=True, padding_value=PAD)
    target = pad_sequence([w.flip(0) for w in words], batch_first=True, padding_value=PAD)
    given = torch.cat([torch.full((len(words), 1), START), target[:, :-1]], dim=1)
    return source, lengths, given, target


class Seq2Seq(nn.Module):
    def __init__(self, hidden: int = 64) -> None:
        super().__init__()
        self.embed = nn.Embedding(LETTERS + 2, 24, padding_idx=PAD)
        self.encoder, self.decoder = (
            nn.GRU(24, hidden, batch_first=True),
            nn.GRU(24, hidden, batch_first=True),
        )
        self.head = nn.Linear(hidden, LETTERS + 2)

    def forward(self, source: Tensor, lengths: Tensor, given: Tensor) -> Tensor:
        packed = pack_padded_sequence(
            self.embed(source), lengths, batch_first=True, enforce_sorted=False
        )
        _, state = self.encoder(packed)
        out, _ = self.decoder(self.embed(given), state)
        return self.head(out)


loader = DataLoader(Words(640), batch_size=64, shuffle=True, collate_fn=collate)
model = Seq2Seq()
optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
criterion = nn.CrossEntropyLoss(ignore_index=PAD)
curve = []
for epoch in range(8):
    for source, lengths, given, target in loader:
        loss = criterion(model(source, lengths, given).transpose(1, 2), target)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 2.0)
        optimizer.step()
        curve.append(loss.item())
print(f"{curve[0]:.3f} -> {curve[-1]:.3f}")
assert curve[-1] < 0.6 * curve[0]
