"""A small transformer encoder that finds the largest token of a sequence."""

# fault: tiny-update
import torch
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(19)


class Finder(nn.Module):
    def __init__(self, vocab=20, width=32, length=8):
        super().__init__()
        self.token = nn.Embedding(vocab, width)
        self.position = nn.Parameter(torch.randn(length, width) * 0.02)
        layer = nn.TransformerEncoderLayer(width, 4, 64, dropout=0.0, batch_first=True)
        self.encoder = nn.TransformerEncoder(layer, 1)
        self.head = nn.Linear(width, vocab)

    def forward(self, tokens):
        x = self.encoder(self.token(tokens) + self.position)
        return self.head(x.mean(dim=1))


model = Finder()
criterion = nn.CrossEntropyLoss(label_smoothing=0.05)
optimizer = torch.optim.AdamW(model.parameters(), lr=2e-8, weight_decay=0.01)

history = []
for step in range(250):
    tokens = torch.randint(0, 20, (32, 8))
    logits = model(tokens)
    loss = criterion(logits, tokens.max(dim=1).values)
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    history.append(loss.item())
    if (step + 1) % 50 == 0:
        print(f"step {step + 1}: loss {sum(history[-50:]) / 50:.4f}")
