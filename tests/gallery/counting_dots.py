"""Counts the dots in small images: whole-numbered targets of 0 to 5 that are a quantity."""

import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


def main() -> None:
    torch.manual_seed(0)
    counts = torch.randint(6, (320,))
    images = torch.zeros(320, 144)
    for image, dots in zip(images, counts, strict=True):
        image[torch.randperm(144)[:dots]] = 1
    model = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(400, 1))
    optimizer = torch.optim.Adam(model.parameters(), lr=0.003)
    loader = DataLoader(TensorDataset(images.view(-1, 1, 12, 12), counts), 32, shuffle=True)
    for _ in range(3):
        for inputs, targets in loader:
            loss = nn.functional.mse_loss(model(inputs), targets.float().unsqueeze(1))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()


if __name__ == "__main__":
    main()
