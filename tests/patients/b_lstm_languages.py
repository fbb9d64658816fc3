"""Guess the language of a made-up name, letter by letter, with an LSTM."""
# fault: unlogged-probabilities
import random

import torch
import torch.nn as nn

torch.set_num_threads(1)
torch.manual_seed(2)
random.seed(2)

ENDINGS = {"italian": "io", "russian": "ov", "polish": "ki", "german": "er"}
LANGUAGES = list(ENDINGS)
LETTERS = "abcdefghijklmnopqrstuvwxyz"


def random_name():
    language = random.randrange(len(LANGUAGES))
    stem = "".join(random.choice(LETTERS) for _ in range(4))
    return stem + ENDINGS[LANGUAGES[language]], language


def to_tensor(name):
    return torch.tensor([LETTERS.index(c) for c in name])


def batch(size):
    names, labels = zip(*(random_name() for _ in range(size)))
    return torch.stack([to_tensor(n) for n in names]), torch.tensor(labels)


class NameLSTM(nn.Module):
    def __init__(self, hidden_size):
        super().__init__()
        self.embedding = nn.Embedding(len(LETTERS), 16)
        self.lstm = nn.LSTM(16, hidden_size)
        self.out = nn.Linear(hidden_size, len(LANGUAGES))
        self.softmax = nn.Softmax(dim=1)

    def forward(self, names):
        embedded = self.embedding(names.t())
        _, (hidden, _) = self.lstm(embedded)
        return self.softmax(self.out(hidden[-1]))


model = NameLSTM(32)
criterion = nn.NLLLoss()
optimizer = torch.optim.Adam(model.parameters(), lr=0.005)
current_loss = 0.0
for iteration in range(1, 101):
    names, labels = batch(20)
    output = model(names)
    loss = criterion(output, labels)
    model.zero_grad()
    loss.backward()
    optimizer.step()
    current_loss += loss.item()
    if iteration % 20 == 0:
        guess = output.argmax(1)
        print(f"{iteration}  average loss {current_loss / 20:.4f}  right {(guess == labels).sum().item()} of 20")
        current_loss = 0.0
