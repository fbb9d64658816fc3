"""Tell three wine cultivars apart with a two-layer network."""
# fault: unlogged-probabilities
import torch
import torch.nn as nn
from sklearn.datasets import load_wine
from sklearn.preprocessing import scale

torch.set_num_threads(1)
torch.manual_seed(7)

wine = load_wine()
X = torch.tensor(scale(wine.data), dtype=torch.float32)
Y = torch.tensor(wine.target)
perm = torch.randperm(len(X))
train, test = perm[:140], perm[140:]


class Net(nn.Module):
    def __init__(self):
        super(Net, self).__init__()
        self.layer1 = nn.Linear(13, 20)
        self.act = nn.ReLU()
        self.layer2 = nn.Linear(20, 3)

    def forward(self, x):
        x = self.act(self.layer1(x))
        return self.layer2(x)


net = Net()
loss_function = nn.NLLLoss()
optimizer = torch.optim.SGD(net.parameters(), lr=0.01)

for epoch in range(40):
    optimizer.zero_grad()
    log_probs = net(X[train])
    loss = loss_function(log_probs, Y[train])
    loss.backward()
    optimizer.step()
    if epoch % 5 == 0:
        acc = (log_probs.argmax(1) == Y[train]).float().mean().item()
        print("Epoch", epoch, "Loss", loss.item(), "Accuracy", acc)

with torch.no_grad():
    print("Test accuracy:", (net(X[test]).argmax(1) == Y[test]).float().mean().item())
