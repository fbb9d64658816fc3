"""A convolutional classifier of stripes by their frequency, with strided convolutions."""
# fault: linear-stack

import torch
import torch.nn as nn

torch.set_num_threads(1)
torch.manual_seed(31)


def stripes(n):
    kind = torch.randint(0, 2, (n,))
    frequency = torch.where(kind == 1, 1.9, 0.9)[:, None, None]
    phase = 6.2832 * torch.rand(n, 1, 1)
    grid = torch.arange(16.0)[None, None, :]
    image = torch.sin(frequency * grid + phase).expand(n, 16, 16) + 0.3 * torch.randn(n, 16, 16)
    return image.unsqueeze(1), kind


class StripeNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.features = nn.ModuleList(
            [
                nn.Conv2d(1, 8, 5, stride=2, padding=2),
                nn.Conv2d(8, 16, 3, stride=2, padding=1),
                nn.Conv2d(16, 16, 3, stride=2, padding=1),
            ]
        )
        self.fc = nn.Linear(16 * 4, 2)

    def forward(self, x):
        for conv in self.features:
            x = conv(x)
        return self.fc(torch.flatten(x, 1))


train_x, train_y = stripes(600)
test_x, test_y = stripes(200)
model = StripeNet()
optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3)
criterion = nn.CrossEntropyLoss()

for epoch in range(4):
    for rows in torch.randperm(600).split(30):
        optimizer.zero_grad()
        loss = criterion(model(train_x[rows]), train_y[rows])
        loss.backward()
        optimizer.step()
    with torch.no_grad():
        accuracy = (model(test_x).argmax(1) == test_y).float().mean()
    print(f"epoch {epoch + 1}: loss {loss.item():.3f} test accuracy {accuracy.item():.3f}")
