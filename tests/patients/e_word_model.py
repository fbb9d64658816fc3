"""Trains a recurrent language model on a generated text with gradient clipping."""
# fault: misplaced-clip

import torch
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(49)

words = "the cat sat on a mat and the dog lay under the tree while it rained all day".split()
vocab = sorted(set(words))
text = torch.tensor([vocab.index(w) for w in words * 60])
BATCH, SPAN = 8, 16
usable = len(text) // BATCH * BATCH
text = text[:usable].view(BATCH, -1)


class WordModel(nn.Module):
    def __init__(self, size=32):
        super().__init__()
        self.emb = nn.Embedding(len(vocab), size)
        self.rnn = nn.RNN(size, 64, batch_first=True)
        self.out = nn.Linear(64, len(vocab))

    def forward(self, tokens, state):
        h, state = self.rnn(self.emb(tokens), state)
        return self.out(h), state


model = WordModel()
optimizer = torch.optim.SGD(model.parameters(), lr=0.5)
criterion = nn.CrossEntropyLoss()

for epoch in range(6):
    state, total, count = None, 0.0, 0
    for start in range(0, text.size(1) - SPAN - 1, SPAN):
        source = text[:, start : start + SPAN]
        target = text[:, start + 1 : start + SPAN + 1]
        logits, state = model(source, state)
        state = state.detach()
        loss = criterion(logits.reshape(-1, len(vocab)), target.reshape(-1))
        optimizer.zero_grad()
        torch.nn.utils.clip_grad_norm_(model.parameters(), max_norm=0.25)
        loss.backward()
        optimizer.step()
        total, count = total + loss.item(), count + 1
    norm = torch.cat([p.grad.flatten() for p in model.parameters()]).norm().item()
    print(f"epoch {epoch}: loss {total / count:.3f}, last gradient {norm:.3f}")
