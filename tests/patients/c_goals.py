"""How many goals will be scored: a network whose answer is a whole number."""

# fault: flat-loss | collapsed-output
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.set_num_threads(1)
torch.manual_seed(29)

teams = torch.randn(1000, 9)
goals = torch.round(
    torch.clamp(1.5 + teams[:, 0] + 0.5 * teams[:, 3] + 0.3 * torch.randn(1000), min=0)
)
loader = DataLoader(TensorDataset(teams[:900], goals[:900]), batch_size=30, shuffle=True)


class GoalNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1 = nn.Linear(9, 32)
        self.fc2 = nn.Linear(32, 16)
        self.fc3 = nn.Linear(16, 1)

    def forward(self, x):
        x = torch.relu(self.fc1(x))
        x = torch.relu(self.fc2(x))
        x = self.fc3(x).squeeze(1)
        return torch.round(x)


net = GoalNet()
criterion = nn.MSELoss()
optimizer = torch.optim.Adam(net.parameters(), lr=0.005)

for epoch in range(5):
    epoch_loss = 0.0
    for x, y in loader:
        optimizer.zero_grad()
        out = net(x)
        loss = criterion(out, y)
        loss.backward()
        optimizer.step()
        epoch_loss += loss.item()
    with torch.no_grad():
        error = (net(teams[900:]) - goals[900:]).abs().mean()
    print(f"epoch {epoch} loss {epoch_loss / len(loader):.4f} mean error {error:.3f}")
