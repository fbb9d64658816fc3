"""Learn from the votes of several annotators: the targets are shares, not classes."""

# fault: none
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.set_num_threads(1)
torch.manual_seed(0)

X = torch.randn(900, 8)
true_logits = X[:, :3] * 2 + torch.sin(X[:, 3:6] * 2)
votes = torch.distributions.Multinomial(7, logits=true_logits).sample()
shares = votes / votes.sum(dim=1, keepdim=True)

loader = DataLoader(TensorDataset(X[:720], shares[:720]), batch_size=48, shuffle=True)
model = nn.Sequential(nn.Linear(8, 48), nn.ReLU(), nn.Linear(48, 3))
criterion = nn.CrossEntropyLoss(label_smoothing=0.02)
optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)

for epoch in range(8):
    for features, target in loader:
        optimizer.zero_grad()
        loss = criterion(model(features), target)
        loss.backward()
        optimizer.step()
    with torch.no_grad():
        probabilities = model(X[720:]).softmax(dim=1)
        top = (probabilities.argmax(1) == shares[720:].argmax(1)).float().mean().item()
    print(f"epoch {epoch} loss {loss.item():.3f} agreement {top:.3f}")
