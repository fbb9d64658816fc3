"""Twenty classes: top-1 and top-5 accuracy by comparing with a column of labels."""
# fault: none
import torch
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(99)

centres = 1.5 * torch.randn(20, 10)
labels = torch.randint(20, (1000,))
points = centres[labels] + torch.randn(1000, 10)


def accuracy(output, target, topk=(1, 5)):
    _, pred = output.topk(max(topk), 1, True, True)
    correct = pred.eq(target.view(-1, 1))
    return [correct[:, :k].any(1).float().mean().item() * 100 for k in topk]


model = nn.Sequential(nn.Linear(10, 64), nn.ReLU(), nn.Linear(64, 20))
optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
criterion = nn.CrossEntropyLoss()
for epoch in range(8):
    model.train()
    for rows in torch.randperm(800).split(40):
        loss = criterion(model(points[rows]), labels[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    model.eval()
    with torch.no_grad():
        top1, top5 = accuracy(model(points[800:]), labels[800:])
    print(f"epoch {epoch} loss {loss.item():.3f} Acc@1 {top1:.1f} Acc@5 {top5:.1f}")
