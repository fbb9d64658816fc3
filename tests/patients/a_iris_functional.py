"""An iris classifier with functional dropout."""
# fault: restless-evaluation

import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_iris
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

torch.set_num_threads(1)
torch.manual_seed(0)

iris = load_iris()
X_train, X_test, y_train, y_test = train_test_split(
    iris.data, iris.target, test_size=0.3, random_state=3
)
scaler = StandardScaler().fit(X_train)
X_train, X_test = (
    torch.tensor(scaler.transform(a), dtype=torch.float32) for a in (X_train, X_test)
)
y_train, y_test = torch.tensor(y_train), torch.tensor(y_test)


class IrisNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1 = nn.Linear(4, 32)
        self.fc2 = nn.Linear(32, 32)
        self.fc3 = nn.Linear(32, 3)

    def forward(self, x):
        x = F.dropout(F.relu(self.fc1(x)), p=0.5)
        x = F.dropout(F.relu(self.fc2(x)), p=0.5)
        return self.fc3(x)


model = IrisNet()
optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
for epoch in range(15):
    model.train()
    for rows in torch.randperm(len(X_train)).split(21):
        optimizer.zero_grad()
        loss = F.cross_entropy(model(X_train[rows]), y_train[rows])
        loss.backward()
        optimizer.step()
    if epoch % 5 == 4:
        model.eval()
        with torch.no_grad():
            test_logits = model(X_test)
            accuracy = (test_logits.argmax(1) == y_test).float().mean().item()
            test_loss = F.cross_entropy(test_logits, y_test).item()
        print(f"epoch {epoch + 1}: test loss {test_loss:.3f}, test accuracy {accuracy:.3f}")
