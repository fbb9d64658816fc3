"""Linear regression on standardised features, full batch, double precision."""

# fault: huge-update
import numpy as np
import torch
from sklearn.datasets import load_diabetes

torch.set_num_threads(1)
torch.manual_seed(0)

X, y = load_diabetes(return_X_y=True)
X = (X - X.mean(axis=0)) / X.std(axis=0)
y = (y - y.mean()) / y.std()
X = torch.from_numpy(X.astype(np.float64))
y = torch.from_numpy(y.astype(np.float64)).view(-1, 1)

model = torch.nn.Linear(10, 1).double()
criterion = torch.nn.MSELoss()
optimizer = torch.optim.SGD(model.parameters(), lr=0.5)

losses = []
for epoch in range(60):
    prediction = model(X)
    loss = criterion(prediction, y)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    losses.append(loss.item())
    if epoch % 10 == 0:
        print("epoch", epoch, "loss", losses[-1])

print("weights", model.weight.detach().numpy().round(2))
