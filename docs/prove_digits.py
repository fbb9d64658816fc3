"""Handwritten digits, set up for `fivestep prove`: dropout, BatchNorm, Adam."""

import torch
from sklearn.datasets import load_digits
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(0)
images, digits = load_digits(return_X_y=True)

model = nn.Sequential(
    nn.Linear(64, 256), nn.BatchNorm1d(256), nn.ReLU(), nn.Dropout(0.3), nn.Linear(256, 10)
)
loss_fn = nn.CrossEntropyLoss()
optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
data = torch.tensor(images / 16, dtype=torch.float32), torch.tensor(digits)
batch_size = 64
