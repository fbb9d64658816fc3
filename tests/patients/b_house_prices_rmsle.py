"""House prices with the root mean squared error of the logarithms of the competition."""
# fault: nonfinite-loss
import torch
import torch.nn as nn
from torch.utils.data import DataLoader, TensorDataset

torch.set_num_threads(1)
torch.manual_seed(30)

area = torch.rand(400, 1) * 2 - 1
rooms = torch.randn(400, 3)
price = torch.exp(1.0 + area + 0.3 * rooms[:, :1] + 0.1 * torch.randn(400, 1))
loader = DataLoader(TensorDataset(torch.cat([area, rooms], 1), price), batch_size=40, shuffle=True)


class LogRMSELoss(nn.Module):
    def __init__(self):
        super().__init__()
        self.mse = nn.MSELoss()

    def forward(self, pred, actual):
        return torch.sqrt(self.mse(torch.log(pred), torch.log(actual)))


model = nn.Sequential(nn.Linear(4, 32), nn.ReLU(), nn.Linear(32, 32), nn.ReLU(), nn.Linear(32, 1))
criterion = LogRMSELoss()
optimizer = torch.optim.Adam(model.parameters(), lr=0.03)
for epoch in range(8):
    for features, target in loader:
        output = model(features)
        loss = criterion(output, target)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    print(f"Epoch {epoch}: log RMSE {loss.item():.4f}")
