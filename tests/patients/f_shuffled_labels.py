"""How long does a wide network need to memorise labels drawn at random?"""

# fault: none
import torch
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(0)

X = torch.randn(120, 40)
y = torch.randint(0, 4, (120,))

model = nn.Sequential(nn.Linear(40, 256), nn.ReLU(), nn.Linear(256, 4))
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)

for epoch in range(60):
    for idx in torch.randperm(120).split(30):
        loss = nn.functional.cross_entropy(model(X[idx]), y[idx])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    if epoch % 10 == 9:
        with torch.no_grad():
            memorised = (model(X).argmax(1) == y).float().mean().item()
        print(f"epoch {epoch} loss {loss.item():.4f} memorised {memorised:.3f}")
        if memorised == 1.0:
            break
