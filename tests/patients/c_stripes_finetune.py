"""Fine-tuning the last layers of a small convolutional network."""

# fault: unfrozen-module
import torch
import torch.nn as nn
import torch.optim as optim

torch.set_num_threads(1)
torch.manual_seed(81)


def stripes(n):
    """Images of vertical, horizontal or diagonal stripes."""
    kind = torch.randint(0, 3, (n,))
    r, c = torch.meshgrid(torch.arange(12.0), torch.arange(12.0), indexing="ij")
    bank = torch.stack([torch.sin(c * 1.5), torch.sin(r * 1.5), torch.sin((r + c) * 1.1)])
    return (bank[kind] + 0.8 * torch.randn(n, 12, 12)).unsqueeze(1), kind


def make_backbone():
    return nn.Sequential(
        nn.Conv2d(1, 6, 3), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(6, 12, 3), nn.ReLU(), nn.Flatten(),
        nn.Linear(12 * 9, 16), nn.ReLU(), nn.Linear(16, 3),
    )  # fmt: skip


model = make_backbone()
ct = 0
for child in model.children():
    ct += 1
    if ct < 7:
        child.requires_grad = False

optimizer = optim.SGD([p for p in model.parameters() if p.requires_grad], lr=0.05, momentum=0.9)
criterion = nn.CrossEntropyLoss()

for i in range(60):
    inputs, labels = stripes(32)
    optimizer.zero_grad()
    outputs = model(inputs)
    loss = criterion(outputs, labels)
    loss.backward()
    optimizer.step()
    if i % 10 == 0:
        print(f"iteration {i} loss {loss.item():.3f}")

model.eval()
with torch.no_grad():
    inputs, labels = stripes(300)
    print("accuracy", (model(inputs).argmax(1) == labels).float().mean().item())
