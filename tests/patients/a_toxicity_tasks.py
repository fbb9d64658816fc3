"""A multi-task network for toxicity assays in which most measurements are missing."""
# fault: none

import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.set_num_threads(1)
torch.manual_seed(3)

TASKS = 5
compounds = torch.randn(600, 20)
truth = (compounds @ torch.randn(20, TASKS) > 0).float()
measured = truth.masked_fill(torch.rand(600, TASKS) < 0.6, float("nan"))
train_loader = DataLoader(
    TensorDataset(compounds[:500], measured[:500]), batch_size=50, shuffle=True
)

model = nn.Sequential(nn.Linear(20, 64), nn.ReLU(), nn.Dropout(0.1), nn.Linear(64, TASKS))
optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)


def masked_bce(logits, labels):
    known = ~torch.isnan(labels)
    return nn.functional.binary_cross_entropy_with_logits(logits[known], labels[known])


for epoch in range(8):
    model.train()
    for x, y in train_loader:
        loss = masked_bce(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    model.eval()
    with torch.no_grad():
        accuracy = ((model(compounds[500:]) > 0).float() == truth[500:]).float().mean().item()
    print(f"epoch {epoch + 1}: loss {loss.item():.3f} accuracy {accuracy:.3f}")
