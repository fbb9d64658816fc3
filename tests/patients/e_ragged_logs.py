"""Classifies event logs of different lengths with a packed LSTM and a collate function."""
# fault: none

import argparse
import random

import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_sequence
from torch.utils.data import DataLoader

parser = argparse.ArgumentParser()
parser.add_argument("--epochs", type=int, default=5)
parser.add_argument("--lr", type=float, default=1e-2)
args = parser.parse_args([])
torch.set_num_threads(1)
torch.manual_seed(38)
random.seed(38)


def log():
    faulty = random.random() < 0.5
    events = [random.randint(1, 9) for _ in range(random.randint(5, 15))]
    place = random.randrange(len(events) - 1)
    events = [e if e != 7 else 8 for e in events]
    if faulty:
        events[place : place + 2] = [7, 3]
    else:
        events[place : place + 2] = [3, 7]
    return torch.tensor(events), int(faulty)


def collate(batch):
    batch = sorted(batch, key=lambda item: len(item[0]), reverse=True)
    lengths = torch.tensor([len(e) for e, _ in batch])
    return (
        pad_sequence([e for e, _ in batch], batch_first=True),
        lengths,
        torch.tensor([f for _, f in batch]),
    )


class Reader(nn.Module):
    def __init__(self):
        super().__init__()
        self.emb = nn.Embedding(10, 16, padding_idx=0)
        self.lstm = nn.LSTM(16, 32, batch_first=True)
        self.out = nn.Linear(32, 1)

    def forward(self, events, lengths):
        packed = pack_padded_sequence(self.emb(events), lengths, batch_first=True)
        _, (h, _) = self.lstm(packed)
        return self.out(h[-1]).squeeze(1)


train = DataLoader([log() for _ in range(800)], batch_size=32, shuffle=True, collate_fn=collate)
test = DataLoader([log() for _ in range(200)], batch_size=100, collate_fn=collate)
model = Reader()
optimizer = torch.optim.Adam(model.parameters(), lr=args.lr)
scheduler = torch.optim.lr_scheduler.OneCycleLR(
    optimizer, max_lr=args.lr, total_steps=args.epochs * len(train)
)
for epoch in range(args.epochs):
    model.train()
    for events, lengths, faulty in train:
        optimizer.zero_grad()
        loss = nn.functional.binary_cross_entropy_with_logits(
            model(events, lengths), faulty.float()
        )
        loss.backward()
        optimizer.step()
        scheduler.step()
    model.eval()
    right = 0
    with torch.no_grad():
        for events, lengths, faulty in test:
            right += ((model(events, lengths) > 0).long() == faulty).sum().item()
    print(f"epoch {epoch}: {loss.item():.4f} accuracy {right / 200:.3f}")
