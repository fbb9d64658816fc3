"""Fine-tuning a sentence classifier with linear warm-up and decay."""

# fault: zero-learning-rate
import torch
from torch import nn
from torch.nn.utils.rnn import pad_sequence

torch.set_num_threads(1)
torch.manual_seed(51)

VOCAB = 60
sentences = [torch.randint(1, VOCAB, (int(n),)) for n in torch.randint(4, 12, (512,))]
labels = torch.tensor([int((s % 7 == 0).sum() > (s % 5 == 0).sum()) for s in sentences])


class Tagger(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(VOCAB, 24, padding_idx=0)
        self.gru = nn.GRU(24, 24, batch_first=True, bidirectional=True)
        self.out = nn.Linear(48, 2)

    def forward(self, tokens):
        states, _ = self.gru(self.embedding(tokens))
        mask = (tokens > 0).unsqueeze(-1)
        return self.out((states * mask).sum(1) / mask.sum(1))


def collate(rows):
    return pad_sequence([sentences[i] for i in rows], batch_first=True), labels[rows]


model = Tagger()
optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
batch_size, epochs = 32, 8
warmup_steps, total_steps = 4, 32


def lr_at(step):
    if step < warmup_steps:
        return (step + 1) / warmup_steps
    return max(0.0, (total_steps - step) / (total_steps - warmup_steps))


scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, lr_at)
for epoch in range(epochs):
    total = 0.0
    for rows in torch.randperm(512).split(batch_size):
        tokens, target = collate(rows.tolist())
        loss = nn.functional.cross_entropy(model(tokens), target)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        scheduler.step()
        total += loss.item()
    print(f"epoch {epoch} mean loss {total / 16:.4f}")
