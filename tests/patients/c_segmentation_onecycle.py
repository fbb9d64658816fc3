"""A tiny fully convolutional network marks bright squares."""

# fault: unstepped-schedule
import torch
import torch.nn as nn
from torch.optim.lr_scheduler import OneCycleLR
from torch.utils.data import DataLoader, TensorDataset

torch.set_num_threads(1)
torch.manual_seed(61)


def scenes(n, size=16):
    image = 0.3 * torch.rand(n, 1, size, size)
    mask = torch.zeros(n, 1, size, size)
    for i in range(n):
        r, c = torch.randint(0, size - 6, (2,)).tolist()
        image[i, 0, r : r + 6, c : c + 6] += 0.3
        mask[i, 0, r : r + 6, c : c + 6] = 1
    return image, mask


x, m = scenes(256)
loader = DataLoader(TensorDataset(x, m), batch_size=16, shuffle=True)
net = nn.Sequential(
    nn.Conv2d(1, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU(),
    nn.Conv2d(8, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU(),
    nn.Conv2d(8, 1, 1),
)  # fmt: skip
criterion = nn.BCEWithLogitsLoss()
optimizer = torch.optim.AdamW(net.parameters(), lr=1e-3)
EPOCHS = 5
scheduler = OneCycleLR(optimizer, max_lr=1e-2, total_steps=EPOCHS * len(loader))

for epoch in range(EPOCHS):
    net.train()
    for image, mask in loader:
        logits = net(image)
        loss = criterion(logits, mask)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    net.eval()
    with torch.no_grad():
        guess = net(x[:64]) > 0
        iou = (guess & (m[:64] > 0)).sum() / (guess | (m[:64] > 0)).sum()
    print(f"epoch {epoch} loss {loss.item():.4f} iou {iou.item():.3f} lr {scheduler.get_last_lr()}")
