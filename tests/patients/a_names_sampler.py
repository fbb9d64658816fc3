"""A character embedding model of name endings with a seeded sampler of its own."""
# fault: frozen-shuffle

import random

import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset, Sampler

torch.set_num_threads(1)
torch.manual_seed(2)
random.seed(2)

ENDINGS = [["ov", "ev", "in"], ["ini", "ello", "etti"], ["sson", "gren", "dahl"]]
LETTERS = "abcdefghijklmnopqrstuvwxyz"


class Names(Dataset):
    def __init__(self, n):
        self.rows = []
        for _ in range(n):
            k = random.randrange(3)
            name = "".join(random.choices(LETTERS, k=4)) + random.choice(ENDINGS[k])
            ids = [LETTERS.index(c) + 1 for c in name][-8:]
            self.rows.append(([0] * (8 - len(ids)) + ids, k))

    def __len__(self):
        return len(self.rows)

    def __getitem__(self, i):
        ids, k = self.rows[i]
        return torch.tensor(ids), torch.tensor(k)


class ShuffledSampler(Sampler):
    def __init__(self, data_source, seed=0):
        self.data_source = data_source
        self.seed = seed
        self.epoch = 0

    def set_epoch(self, epoch):
        self.epoch = epoch

    def __iter__(self):
        generator = torch.Generator().manual_seed(self.seed + self.epoch)
        yield from torch.randperm(len(self.data_source), generator=generator).tolist()

    def __len__(self):
        return len(self.data_source)


class Classifier(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed = nn.Embedding(27, 12, padding_idx=0)
        self.mlp = nn.Sequential(nn.Flatten(), nn.Linear(96, 32), nn.GELU(), nn.Linear(32, 3))

    def forward(self, ids):
        return self.mlp(self.embed(ids))


names = Names(500)
loader = DataLoader(names, batch_size=25, sampler=ShuffledSampler(names))
model = Classifier()
opt = torch.optim.Adam(model.parameters(), lr=5e-3)
for epoch in range(5):
    correct = 0
    for ids, country in loader:
        logits = model(ids)
        loss = nn.functional.cross_entropy(logits, country)
        opt.zero_grad()
        loss.backward()
        opt.step()
        correct += (logits.argmax(1) == country).sum().item()
    print(f"epoch {epoch} accuracy {correct / len(names):.3f}")
