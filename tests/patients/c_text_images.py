"""Images that are decoded from text one pixel at a time."""

# fault: starved-loop
import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, Dataset

torch.set_num_threads(1)
torch.manual_seed(74)


class TextImages(Dataset):
    """Every image is a line of comma-separated values, enlarged when it is asked for."""

    def __init__(self, count):
        digits = load_digits()
        self.lines = [",".join(str(int(v)) for v in row) for row in digits.data[:count]]
        self.labels = digits.target[:count].tolist()

    def __len__(self):
        return len(self.lines)

    def __getitem__(self, index):
        values = [float(v) / 16 for v in self.lines[index].split(",")]
        image = torch.zeros(1, 16, 16)
        for row in range(16):
            for column in range(16):
                image[0, row, column] = values[(row // 2) * 8 + column // 2]
        return image, self.labels[index]


loader = DataLoader(TextImages(320), batch_size=32, shuffle=True)
model = nn.Sequential(
    nn.Conv2d(1, 8, 3, stride=2), nn.ReLU(), nn.Conv2d(8, 16, 3, stride=2), nn.ReLU(),
    nn.Flatten(), nn.Linear(144, 10),
)  # fmt: skip
optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
criterion = nn.CrossEntropyLoss()

for epoch in range(3):
    for images, labels in loader:
        optimizer.zero_grad()
        loss = criterion(model(images), labels)
        loss.backward()
        optimizer.step()
    print(f"epoch {epoch} loss {loss.item():.3f}")
