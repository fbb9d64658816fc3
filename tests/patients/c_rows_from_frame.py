"""Rows of a table are looked up one by one in a data frame."""

# fault: starved-loop
import numpy as np
import pandas as pd
import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset

torch.set_num_threads(1)
torch.manual_seed(76)

rng = np.random.default_rng(0)
frame = pd.DataFrame(rng.normal(size=(600, 12)), columns=[f"f{i}" for i in range(12)])
frame["target"] = frame["f0"] * 0.7 - frame["f3"] * 0.4 + rng.normal(scale=0.1, size=600)


class FrameDataset(Dataset):
    def __init__(self, frame):
        self.frame = frame

    def __len__(self):
        return len(self.frame)

    def __getitem__(self, i):
        row = self.frame[self.frame.index == i]
        features = row.drop(columns="target").to_numpy(dtype="float32")[0].copy()
        return torch.from_numpy(features), torch.tensor(row["target"].iloc[0], dtype=torch.float32)


loader = DataLoader(FrameDataset(frame), batch_size=50, shuffle=True)
model = nn.Sequential(nn.Linear(12, 16), nn.ReLU(), nn.Linear(16, 1))
optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)

for epoch in range(4):
    total = 0.0
    for features, target in loader:
        loss = nn.functional.mse_loss(model(features).squeeze(1), target)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item()
    print(f"epoch {epoch} mse {total / len(loader):.4f}")
