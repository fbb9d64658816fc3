"""Put several topic tags on short token lists at once."""
# fault: probabilities-as-logits

import torch
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(19)

WORDS, TAGS, LENGTH = 40, 5, 10


def documents(n):
    tokens = torch.randint(0, WORDS, (n, LENGTH))
    tags = torch.stack([(tokens // 8 == k).sum(1) >= 3 for k in range(TAGS)], dim=1)
    return tokens, tags.float()


class TagModel(nn.Module):
    def __init__(self):
        super().__init__()
        self.words = nn.EmbeddingBag(WORDS, 16, mode="sum")
        self.mlp = nn.Sequential(nn.ReLU(), nn.Linear(16, 32), nn.ReLU(), nn.Linear(32, TAGS))

    def forward(self, tokens):
        return torch.sigmoid(self.mlp(self.words(tokens)))


def micro_f1(scores, tags):
    chosen = (scores > 0.5).float()
    return (2 * (chosen * tags).sum() / (chosen.sum() + tags.sum()).clamp(min=1)).item()


model = TagModel()
loss_fn = nn.BCEWithLogitsLoss()
optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
test_tokens, test_tags = documents(400)

for step in range(1, 201):
    tokens, tags = documents(64)
    loss = loss_fn(model(tokens), tags)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if step % 50 == 0:
        model.eval()
        with torch.no_grad():
            f1 = micro_f1(model(test_tokens), test_tags)
        model.train()
        print(f"step {step} loss {loss.item():.4f} micro-F1 {f1:.3f}")
