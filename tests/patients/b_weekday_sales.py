"""Learn sales from the weekday and the price, averaging the loss of several shops."""
# fault: detached-loss
import torch
import torch.nn.functional as F
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(14)

SHOPS = 3
weekday = torch.randint(7, (SHOPS, 200))
price = torch.randn(SHOPS, 200)
bonus = torch.tensor([0.0, 0.1, 0.2, 0.3, 0.8, 1.5, -1.0])
sales = bonus[weekday] - 0.7 * price + 0.1 * torch.randn(SHOPS, 200)


class SalesModel(nn.Module):
    def __init__(self):
        super().__init__()
        self.day = nn.Embedding(7, 4)
        self.net = nn.Sequential(nn.Linear(5, 16), nn.Tanh(), nn.Linear(16, 1))

    def forward(self, weekday, price):
        return self.net(torch.cat([self.day(weekday), price[:, None]], dim=1)).squeeze(1)


model = SalesModel()
optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
for epoch in range(60):
    losses = []
    for shop in range(SHOPS):
        rows = torch.randint(200, (32,))
        prediction = model(weekday[shop, rows], price[shop, rows])
        losses.append(F.mse_loss(prediction, sales[shop, rows]).item())
    loss = torch.tensor(losses, requires_grad=True).mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if epoch % 10 == 0:
        print(f"epoch {epoch}: mean loss over the shops {loss.item():.4f}")
