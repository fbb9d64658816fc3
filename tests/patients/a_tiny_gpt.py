"""A one-block character GPT with flash attention, and a validation loss."""
# fault: restless-evaluation

import torch
import torch.nn as nn
import torch.nn.functional as F

torch.set_num_threads(1)
torch.manual_seed(34)

TEXT = (
    "the quick brown fox jumps over the lazy dog and the dog sleeps in the warm sun all day. " * 30
)
CHARS = sorted(set(TEXT))
DATA = torch.tensor([CHARS.index(c) for c in TEXT])
TRAIN, VALID = DATA[:2200], DATA[2200:]
BLOCK, WIDTH, HEADS, DROPOUT = 24, 32, 4, 0.1


def get_batch(data, size=16):
    starts = torch.randint(len(data) - BLOCK - 1, (size,)).tolist()
    x = torch.stack([data[s : s + BLOCK] for s in starts])
    y = torch.stack([data[s + 1 : s + BLOCK + 1] for s in starts])
    return x, y


class CausalSelfAttention(nn.Module):
    def __init__(self):
        super().__init__()
        self.qkv = nn.Linear(WIDTH, 3 * WIDTH)
        self.proj = nn.Linear(WIDTH, WIDTH)

    def forward(self, x):
        b, t, c = x.shape
        q, k, v = self.qkv(x).view(b, t, 3, HEADS, c // HEADS).permute(2, 0, 3, 1, 4)
        y = F.scaled_dot_product_attention(q, k, v, dropout_p=DROPOUT, is_causal=True)
        return self.proj(y.transpose(1, 2).reshape(b, t, c))


class GPT(nn.Module):
    def __init__(self):
        super().__init__()
        self.tok = nn.Embedding(len(CHARS), WIDTH)
        self.pos = nn.Embedding(BLOCK, WIDTH)
        self.ln1, self.ln2 = nn.LayerNorm(WIDTH), nn.LayerNorm(WIDTH)
        self.attention = CausalSelfAttention()
        self.mlp = nn.Sequential(
            nn.Linear(WIDTH, 64), nn.GELU(), nn.Linear(64, WIDTH), nn.Dropout(DROPOUT)
        )
        self.head = nn.Linear(WIDTH, len(CHARS))

    def forward(self, ids, targets):
        x = self.tok(ids) + self.pos(torch.arange(ids.size(1)))
        x = x + self.attention(self.ln1(x))
        x = x + self.mlp(self.ln2(x))
        logits = self.head(x)
        return logits, F.cross_entropy(logits.flatten(0, 1), targets.flatten())


@torch.no_grad()
def estimate_loss(model):
    model.eval()
    losses = [model(*get_batch(VALID))[1].item() for _ in range(4)]
    model.train()
    return sum(losses) / len(losses)


model = GPT()
optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
for step in range(120):
    _, loss = model(*get_batch(TRAIN))
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    optimizer.step()
    if step % 30 == 29:
        print(f"step {step + 1}: train {loss.item():.3f}, valid {estimate_loss(model):.3f}")
