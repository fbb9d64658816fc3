"""Benign or malignant: a binary classifier on the breast cancer data."""
# fault: probabilities-as-logits
import torch
import torch.nn.functional as F
from sklearn.datasets import load_breast_cancer
from sklearn.preprocessing import StandardScaler
from torch import nn

torch.set_num_threads(1)


class TumourNet(nn.Module):
    def __init__(self, n_features, hidden=(32, 16), p_drop=0.2):
        super().__init__()
        self.fc1 = nn.Linear(n_features, hidden[0])
        self.bn1 = nn.BatchNorm1d(hidden[0])
        self.fc2 = nn.Linear(hidden[0], hidden[1])
        self.drop = nn.Dropout(p_drop)
        self.out = nn.Linear(hidden[1], 1)

    def forward(self, x):
        x = F.relu(self.bn1(self.fc1(x)))
        x = self.drop(F.relu(self.fc2(x)))
        return torch.sigmoid(self.out(x)).squeeze(1)


class Trainer:
    def __init__(self, model, lr, weight_decay=1e-2):
        self.model = model
        self.optimizer = torch.optim.AdamW(model.parameters(), lr=lr, weight_decay=weight_decay)
        self.history = []

    def fit(self, x, y, epochs, batch_size):
        for epoch in range(epochs):
            self.model.train()
            losses = []
            for idx in torch.randperm(len(x)).split(batch_size):
                losses.append(self.training_step(x[idx], y[idx]))
            self.history.append(sum(losses) / len(losses))

    def training_step(self, xb, yb):
        self.optimizer.zero_grad(set_to_none=True)
        prediction = self.model(xb)
        loss = F.binary_cross_entropy_with_logits(prediction, yb)
        loss.backward()
        self.optimizer.step()
        return loss.item()

    @torch.no_grad()
    def accuracy(self, x, y):
        self.model.eval()
        return ((self.model(x) > 0.5).float() == y).float().mean().item()


def main():
    torch.manual_seed(1)
    data = load_breast_cancer()
    features = torch.tensor(StandardScaler().fit_transform(data.data), dtype=torch.float32)
    labels = torch.tensor(data.target, dtype=torch.float32)
    shuffled = torch.randperm(len(features))
    features, labels = features[shuffled], labels[shuffled]
    trainer = Trainer(TumourNet(features.shape[1]), lr=2e-3)
    trainer.fit(features[:450], labels[:450], epochs=12, batch_size=50)
    print("loss per epoch:", [round(v, 3) for v in trainer.history])
    print("held-out accuracy:", trainer.accuracy(features[450:], labels[450:]))


if __name__ == "__main__":
    main()
