"""Residual blocks that are skipped at random in training, with a sparse set of rare branches."""
# fault: none
import torch
import torch.nn as nn

torch.set_num_threads(1)
torch.manual_seed(96)


class SkippingNet(nn.Module):
    def __init__(self, blocks=5, keep=0.6):
        super().__init__()
        self.keep = keep
        self.stem = nn.Linear(4, 32)
        self.blocks = nn.ModuleList(nn.Sequential(nn.Linear(32, 32), nn.ReLU(), nn.Linear(32, 32)) for _ in range(blocks))
        self.head = nn.Linear(32, 3)

    def forward(self, x):
        h = torch.relu(self.stem(x))
        for block in self.blocks:
            if self.training:
                if torch.rand(()) < self.keep:
                    h = h + block(h)
            else:
                h = h + self.keep * block(h)
        return self.head(h)


x = torch.randn(900, 4)
y = (x[:, 0] * x[:, 1] > 0).long() + (x[:, 2] > 0).long()
net = SkippingNet()
optimizer = torch.optim.Adam(net.parameters(), lr=3e-3)
criterion = nn.CrossEntropyLoss()
for epoch in range(10):
    net.train()
    for rows in torch.randperm(800).split(40):
        optimizer.zero_grad()
        loss = criterion(net(x[rows]), y[rows])
        loss.backward()
        optimizer.step()
    net.eval()
    with torch.no_grad():
        print("epoch", epoch, "accuracy", (net(x[800:]).argmax(1) == y[800:]).float().mean().item())
