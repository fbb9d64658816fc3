"""A tiny patch transformer for digits, trained under bf16 autocast."""
# fault: probabilities-as-logits

import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.set_num_threads(1)
torch.manual_seed(14)

digits = load_digits()
images = torch.tensor(digits.images / 16, dtype=torch.float32)
patches = images.unfold(1, 2, 2).unfold(2, 2, 2).reshape(len(images), 16, 4)
target = torch.tensor(digits.target)
loader = DataLoader(TensorDataset(patches[:1200], target[:1200]), batch_size=60, shuffle=True)


class PatchTransformer(nn.Module):
    def __init__(self, dim=32, classes=10):
        super().__init__()
        self.proj = nn.Linear(4, dim)
        self.pos = nn.Parameter(torch.randn(1, 16, dim) * 0.02)
        self.block = nn.TransformerEncoderLayer(
            dim, 4, dim_feedforward=64, dropout=0.0, batch_first=True
        )
        self.head = nn.Sequential(nn.LayerNorm(dim), nn.Linear(dim, classes), nn.Softmax(dim=-1))

    def forward(self, x):
        h = self.block(self.proj(x) + self.pos)
        return self.head(h.mean(dim=1))


model = PatchTransformer()
criterion = nn.CrossEntropyLoss()
optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)

for epoch in range(7):
    model.train()
    total = 0.0
    for xb, yb in loader:
        optimizer.zero_grad(set_to_none=True)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            loss = criterion(model(xb).float(), yb)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        total += loss.item() / len(loader)
    model.eval()
    with torch.no_grad():
        acc = (model(patches[1200:]).argmax(1) == target[1200:]).float().mean().item()
    print(f"epoch {epoch} loss {total:.4f} val acc {acc:.3f}")
