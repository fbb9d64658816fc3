"""A network that returns log-probabilities, trained with CrossEntropyLoss."""
# fault: none
import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch.utils.data import DataLoader, TensorDataset

torch.set_num_threads(1)
torch.manual_seed(74)

digits = load_digits()
data = TensorDataset(torch.tensor(digits.data / 16.0).float(), torch.tensor(digits.target))
train_set, test_set = torch.utils.data.random_split(data, [1500, 297])
train_loader = DataLoader(train_set, batch_size=50, shuffle=True)
test_loader = DataLoader(test_set, batch_size=297)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1 = nn.Linear(64, 50)
        self.fc2 = nn.Linear(50, 10)

    def forward(self, x):
        return F.log_softmax(self.fc2(F.relu(self.fc1(x))), dim=1)


net = Net()
criterion = nn.CrossEntropyLoss()
optimizer = torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9)
for epoch in range(4):
    net.train()
    for images, labels in train_loader:
        optimizer.zero_grad()
        loss = criterion(net(images), labels)
        loss.backward()
        optimizer.step()
    net.eval()
    with torch.no_grad():
        for images, labels in test_loader:
            accuracy = (net(images).argmax(1) == labels).float().mean().item()
            print(f"epoch {epoch} loss {loss.item():.4f} accuracy {accuracy:.4f} p {net(images).exp().max():.3f}")
