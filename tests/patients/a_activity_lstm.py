"""An LSTM that recognises an activity from a wrist sensor."""
# fault: mixed-samples

import torch
import torch.nn as nn
from torch.utils.data import DataLoader, TensorDataset

torch.set_num_threads(1)
torch.manual_seed(0)


def sensor(n, length=20):
    activity = torch.randint(0, 4, (n,))
    t = torch.arange(length) * 0.3
    rate = (activity + 1).float()[:, None]
    x = torch.sin(rate * t + 6.28 * torch.rand(n, 1))
    y = torch.cos(rate * t + 6.28 * torch.rand(n, 1))
    return TensorDataset(torch.stack([x, y, 0.3 * torch.randn(n, length)], 2), activity)


class LSTMClassifier(nn.Module):
    def __init__(self, input_dim, hidden_dim, layers, classes):
        super().__init__()
        self.lstm = nn.LSTM(input_dim, hidden_dim, layers)
        self.fc = nn.Linear(hidden_dim, classes)

    def forward(self, x):
        out, (h, c) = self.lstm(x)
        return self.fc(out[:, -1, :])


train_loader = DataLoader(sensor(640), batch_size=32, shuffle=True)
test_loader = DataLoader(sensor(128), batch_size=32)
model = LSTMClassifier(3, 32, 1, 4)
criterion = nn.CrossEntropyLoss()
optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)

for epoch in range(5):
    model.train()
    for sequences, labels in train_loader:
        outputs = model(sequences)
        loss = criterion(outputs, labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    model.eval()
    with torch.no_grad():
        right = sum((model(s).argmax(1) == a).sum().item() for s, a in test_loader)
    print(f"Epoch [{epoch + 1}/5] loss {loss.item():.4f} test accuracy {right / 128:.3f}")
