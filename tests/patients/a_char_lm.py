"""A causal character model with an additive -inf mask, read in the order of the text."""
# fault: none

import torch
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(4)

TEXT = (
    "she sells sea shells by the sea shore and the shells she sells are sea shells i am sure. " * 40
)
LETTERS = sorted(set(TEXT))
CODES = torch.tensor([LETTERS.index(c) for c in TEXT])
ROWS, LENGTH, WIDTH = 8, 20, 32


def batchify(codes):
    columns = len(codes) // ROWS
    return codes[: columns * ROWS].view(ROWS, columns).t().contiguous()


class CharModel(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed = nn.Embedding(len(LETTERS), WIDTH)
        self.place = nn.Embedding(LENGTH, WIDTH)
        layer = nn.TransformerEncoderLayer(WIDTH, 4, 64, dropout=0.0)
        self.body = nn.TransformerEncoder(layer, 1, enable_nested_tensor=False)
        self.head = nn.Linear(WIDTH, len(LETTERS))

    def forward(self, codes, mask):
        positions = torch.arange(len(codes)).unsqueeze(1)
        return self.head(self.body(self.embed(codes) + self.place(positions), mask))


data = batchify(CODES)
model = CharModel()
optimizer = torch.optim.AdamW(model.parameters(), lr=5e-3)
for epoch in range(4):
    total, count = 0.0, 0
    for start in range(0, len(data) - LENGTH - 1, LENGTH):
        source, target = data[start : start + LENGTH], data[start + 1 : start + LENGTH + 1]
        mask = nn.Transformer.generate_square_subsequent_mask(LENGTH)
        logits = model(source, mask)
        loss = nn.functional.cross_entropy(logits.flatten(0, 1), target.flatten())
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 0.5)
        optimizer.step()
        total, count = total + loss.item(), count + 1
    print(f"epoch {epoch + 1}: {total / count:.3f} nats a character")
