"""Three classes of points in the plane, told apart by a small network, batch by batch."""

import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


def main() -> None:
    torch.manual_seed(0)
    points = torch.randn(120, 2)
    labels = (points[:, 0] > 0).long() + (points[:, 1] > points[:, 0]).long()
    loader = DataLoader(TensorDataset(points, labels), batch_size=40, shuffle=True)
    model = nn.Sequential(nn.Linear(2, 16), nn.Tanh(), nn.Dropout(0.1), nn.Linear(16, 3))
    loss_fn = nn.CrossEntropyLoss()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.03)

    for _epoch in range(8):
        for x, y in loader:
            loss = loss_fn(model(x), y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()


if __name__ == "__main__":
    main()
