"""A time-major LSTM that counts pulses, with packed sequences of different lengths."""
# fault: none

import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_sequence
from torch.utils.data import DataLoader, Dataset

torch.set_num_threads(1)
torch.manual_seed(2)


class Pulses(Dataset):
    def __init__(self, n):
        self.rows = [
            (torch.rand(int(length)) < 0.3).float() for length in torch.randint(6, 16, (n,))
        ]

    def __len__(self):
        return len(self.rows)

    def __getitem__(self, i):
        row = self.rows[i]
        return row.unsqueeze(1), row.sum() / 4 - 1


def collate(items):
    items.sort(key=lambda pair: -len(pair[0]))
    sequences, counts = zip(*items, strict=True)
    lengths = torch.tensor([len(s) for s in sequences])
    return pad_sequence(sequences), lengths, torch.stack(counts)


class Counter(nn.Module):
    def __init__(self):
        super().__init__()
        self.lstm = nn.LSTM(1, 16)
        self.fc = nn.Linear(16, 1)

    def forward(self, padded, lengths):
        packed = pack_padded_sequence(padded, lengths)
        _, (hidden, _) = self.lstm(packed)
        return self.fc(hidden[-1]).squeeze(1)


loader = DataLoader(Pulses(480), batch_size=24, shuffle=True, collate_fn=collate)
model = Counter()
optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
for epoch in range(5):
    total = 0.0
    for padded, lengths, counts in loader:
        loss = nn.functional.mse_loss(model(padded, lengths), counts)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        total += loss.item()
    print(f"epoch {epoch}: {total / len(loader):.4f}")
