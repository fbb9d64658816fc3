"""A 1-d CNN regressor with dropout between its layers."""
# fault: restless-evaluation

import torch
from torch import nn, optim
from torch.utils.data import DataLoader, TensorDataset

torch.set_num_threads(1)
torch.manual_seed(33)

hours = torch.arange(1200.0)
level = torch.sin(hours * 0.5059) + 0.4 * torch.sin(hours * 0.2618 + 1) + 0.05 * torch.randn(1200)
windows = level.unfold(0, 37, 1)
inputs, target = windows[:, :36].unsqueeze(1), windows[:, 36:]
train_loader = DataLoader(TensorDataset(inputs[:900], target[:900]), batch_size=60, shuffle=True)
valid_inputs, valid_target = inputs[940:], target[940:]


class TideNet(nn.Module):
    def __init__(self, p_drop=0.25):
        super().__init__()
        self.p_drop = p_drop
        self.conv = nn.Conv1d(1, 12, 5)
        self.fc1 = nn.Linear(12 * 32, 32)
        self.fc2 = nn.Linear(32, 1)

    def forward(self, x):
        x = torch.relu(self.conv(x)).flatten(1)
        x = nn.Dropout(self.p_drop)(x)
        x = torch.relu(self.fc1(x))
        return self.fc2(x)


net = TideNet()
optimizer = optim.SGD(net.parameters(), lr=0.02, momentum=0.9)
mse = nn.MSELoss()
for epoch in range(5):
    net.train()
    for x, y in train_loader:
        loss = mse(net(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    net.eval()
    with torch.no_grad():
        score = mse(net(valid_inputs), valid_target).item()
    print(f"epoch {epoch}: train {loss.item():.4f} valid {score:.4f}")
