"""A transformer encoder with linear warm-up from zero and linear decay to zero."""

# fault: none
import torch
from torch import nn
from torch.optim.lr_scheduler import LambdaLR

torch.set_num_threads(1)
torch.manual_seed(110)


class Counter(nn.Module):
    """Which of four tokens is the most frequent?"""

    def __init__(self, width=32):
        super().__init__()
        self.embed = nn.Embedding(4, width)
        layer = nn.TransformerEncoderLayer(width, 2, 64, dropout=0.1, batch_first=True)
        self.encoder = nn.TransformerEncoder(layer, 2)
        self.head = nn.Linear(width, 4)

    def forward(self, x):
        return self.head(self.encoder(self.embed(x)).mean(1))


def linear_schedule(optimizer, warmup, total):
    def factor(step):
        if step < warmup:
            return step / warmup
        return max(0.0, (total - step) / (total - warmup))

    return LambdaLR(optimizer, factor)


TOTAL = 120
model = Counter()
optimizer = torch.optim.AdamW(model.parameters(), lr=4e-3)
schedule = linear_schedule(optimizer, 12, TOTAL)
model.train()
for step in range(TOTAL):
    tokens = torch.randint(0, 4, (32, 9))
    answer = nn.functional.one_hot(tokens, 4).sum(1).argmax(1)
    logits = model(tokens)
    loss = nn.functional.cross_entropy(logits, answer)
    loss.backward()
    nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    schedule.step()
    optimizer.zero_grad()
    if step % 20 == 0:
        print(
            step,
            f"{loss.item():.3f}",
            (logits.argmax(1) == answer).float().mean().item(),
            schedule.get_last_lr(),
        )
