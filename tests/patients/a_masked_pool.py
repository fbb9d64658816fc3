"""A text classifier with masked mean pooling over padded sentences."""
# fault: collapsed-output

import torch
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(49)

VOCAB, LENGTH, PAD = 50, 12, 0


def sentences(n):
    ids = torch.randint(5, VOCAB, (n, LENGTH))
    label = torch.randint(0, 3, (n,))
    ids[torch.arange(n), torch.randint(0, 6, (n,))] = label + 1
    length = torch.randint(6, LENGTH + 1, (n, 1))
    return ids.masked_fill(torch.arange(LENGTH) >= length, PAD), label


class PooledClassifier(nn.Module):
    def __init__(self, dim=32):
        super().__init__()
        self.embedding = nn.Embedding(VOCAB, dim, padding_idx=PAD)
        self.classifier = nn.Sequential(nn.Linear(dim, 32), nn.ReLU(), nn.Linear(32, 3))

    def forward(self, ids):
        mask = (ids == PAD).unsqueeze(-1).float()
        h = self.embedding(ids) * mask
        pooled = h.sum(1) / mask.sum(1).clamp(min=1)
        return self.classifier(pooled)


ids, label = sentences(900)
model = PooledClassifier()
optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
criterion = nn.CrossEntropyLoss()
for epoch in range(4):
    right = 0
    for rows in torch.randperm(900).split(30):
        logits = model(ids[rows])
        loss = criterion(logits, label[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        right += (logits.argmax(1) == label[rows]).sum().item()
    print(f"epoch {epoch + 1}: loss {loss.item():.3f} accuracy {right / 900:.3f}")
