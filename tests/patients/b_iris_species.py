"""Predict the iris species from four measurements."""
# fault: regression-on-classes
import numpy as np
import torch
from sklearn.datasets import load_iris
from sklearn.model_selection import train_test_split

torch.set_num_threads(1)
torch.manual_seed(0)

iris = load_iris()
x = (iris.data - iris.data.mean(axis=0)) / iris.data.std(axis=0)
x_train, x_test, y_train, y_test = train_test_split(x, iris.target, test_size=0.3, random_state=1)
x_train = torch.FloatTensor(x_train)
y_train = torch.FloatTensor(y_train).view(-1, 1)
x_test = torch.FloatTensor(x_test)

model = torch.nn.Sequential(
    torch.nn.Linear(4, 16),
    torch.nn.ReLU(),
    torch.nn.Linear(16, 16),
    torch.nn.ReLU(),
    torch.nn.Linear(16, 1),
)
loss_fn = torch.nn.MSELoss()
optimizer = torch.optim.Adam(model.parameters(), lr=0.005)

batch = 15
for epoch in range(15):
    order = np.random.RandomState(epoch).permutation(len(x_train))
    for i in range(0, len(order), batch):
        rows = order[i : i + batch]
        species = model(x_train[rows])
        loss = loss_fn(species, y_train[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    if epoch % 3 == 0:
        print("epoch", epoch, "loss", loss.item())

model.eval()
with torch.no_grad():
    predicted = model(x_test).round().squeeze(1).numpy()
print("accuracy", (predicted == y_test).mean())
