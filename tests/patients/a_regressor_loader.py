"""A regressor whose loader is built in a function that is called for each epoch."""
# fault: frozen-shuffle

import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.set_num_threads(1)
torch.manual_seed(43)

x = torch.rand(512, 5) * 2 - 1
y = (x[:, :1] * x[:, 1:2]) + torch.sin(3 * x[:, 2:3])
dataset = TensorDataset(x, y)


def make_loader(batch_size=32, seed=7):
    generator = torch.Generator()
    generator.manual_seed(seed)
    return DataLoader(dataset, batch_size=batch_size, shuffle=True, generator=generator)


model = nn.Sequential(nn.Linear(5, 48), nn.Tanh(), nn.Linear(48, 1))
optimizer = torch.optim.RMSprop(model.parameters(), lr=3e-3)
mse = nn.MSELoss()
for epoch in range(6):
    total = 0.0
    for inputs, targets in make_loader():
        loss = mse(model(inputs), targets)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item() * len(inputs)
    print(f"epoch {epoch + 1}: {total / len(dataset):.4f}")
