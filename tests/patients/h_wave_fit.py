"""Trains a small network on a noisy sine wave."""

# fault: retained-graph
import torch
import torch.nn as nn

torch.set_num_threads(1)
torch.manual_seed(22)

x = torch.linspace(-3, 3, 300).unsqueeze(1)
y = torch.sin(x) + 0.1 * torch.randn_like(x)
model = nn.Sequential(nn.Linear(1, 64), nn.Tanh(), nn.Linear(64, 64), nn.Tanh(), nn.Linear(64, 1))
criterion = nn.MSELoss()
optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
for epoch in range(15):
    for rows in torch.randperm(300).split(30):
        optimizer.zero_grad()
        prediction = model(x[rows])
        loss = criterion(prediction, y[rows])
        loss.backward(retain_graph=True)
        optimizer.step()
    if epoch % 3 == 0:
        print("epoch", epoch, "loss", loss.item())

with torch.no_grad():
    error = criterion(model(x), torch.sin(x))
print("error against the clean wave", error.item())
