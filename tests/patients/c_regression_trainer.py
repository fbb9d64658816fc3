"""A Trainer class of our own fits the diabetes data with a robust MLP."""

# fault: misplaced-clip
from dataclasses import dataclass

import torch
from sklearn.datasets import load_diabetes
from sklearn.preprocessing import StandardScaler
from torch import nn
from torch.utils.data import DataLoader, TensorDataset, random_split

torch.set_num_threads(1)


@dataclass
class Config:
    epochs: int = 12
    batch_size: int = 32
    lr: float = 1e-3
    max_grad: float = 1.0
    seed: int = 17


class Trainer:
    def __init__(self, model, config):
        self.model = model
        self.config = config
        self.loss_fn = nn.SmoothL1Loss()
        self.optimizer = torch.optim.AdamW(model.parameters(), lr=config.lr)

    def step(self, x, y):
        self.optimizer.zero_grad()
        prediction = self.model(x)
        loss = self.loss_fn(prediction, y)
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), self.config.max_grad)
        loss.backward()
        self.optimizer.step()
        return loss.item()

    def fit(self, train, valid):
        for epoch in range(self.config.epochs):
            self.model.train()
            mean = sum(self.step(x, y) for x, y in train) / len(train)
            self.model.eval()
            with torch.no_grad():
                held = sum(self.loss_fn(self.model(x), y).item() for x, y in valid) / len(valid)
            print(f"epoch {epoch + 1}: train {mean:.4f} valid {held:.4f}")


def main():
    config = Config()
    torch.manual_seed(config.seed)
    x, y = load_diabetes(return_X_y=True)
    x = StandardScaler().fit_transform(x)
    y = (y - y.mean()) / y.std()
    dataset = TensorDataset(torch.tensor(x).float(), torch.tensor(y).float().unsqueeze(1))
    train, valid = random_split(dataset, [354, 88])
    model = nn.Sequential(nn.Linear(10, 32), nn.ReLU(), nn.Dropout(0.1), nn.Linear(32, 1))
    Trainer(model, config).fit(
        DataLoader(train, config.batch_size, shuffle=True), DataLoader(valid, 88)
    )


if __name__ == "__main__":
    main()
