"""Predict a treatment response from a panel of 200 gene activities in 60 patients."""

# fault: overfitting
import torch
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(0)

genes = torch.randn(260, 200)
response = ((genes[:, :3].sum(1) + 1.5 * torch.randn(260)) > 0).long()
x_train, y_train = genes[:60], response[:60]
x_val, y_val = genes[60:], response[60:]

model = nn.Sequential(
    nn.Linear(200, 256), nn.ReLU(), nn.Linear(256, 256), nn.ReLU(), nn.Linear(256, 2)
)
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
criterion = nn.CrossEntropyLoss()

for epoch in range(40):
    model.train()
    for idx in torch.randperm(60).split(20):
        optimizer.zero_grad()
        loss = criterion(model(x_train[idx]), y_train[idx])
        loss.backward()
        optimizer.step()
    model.eval()
    with torch.no_grad():
        val_loss = criterion(model(x_val), y_val).item()
    if epoch % 8 == 7:
        print(f"epoch {epoch} train {loss.item():.4f} val {val_loss:.4f}")
