"""Score server sessions from JSON lines that the dataset decodes on each access."""

# fault: starved-loop
import json
import math
import random

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

torch.set_num_threads(1)


def make_lines(n: int, events: int) -> list[str]:
    rng = random.Random(0)
    lines = []
    for _ in range(n):
        risk = rng.random()
        log = [
            {
                "t": i,
                "ms": rng.gauss(50 + 80 * risk, 20),
                "code": 500 if rng.random() < risk else 200,
            }
            for i in range(events)
        ]
        lines.append(json.dumps({"risk": risk, "events": log}))
    return lines


def featurise(events: list[dict]) -> list[float]:
    ms = [e["ms"] for e in events]
    mean = sum(ms) / len(ms)
    spread = math.sqrt(sum((m - mean) ** 2 for m in ms) / len(ms))
    errors = sum(e["code"] == 500 for e in events) / len(events)
    return [mean / 50 - 1.8, spread / 20 - 1, 2 * errors - 1]


class Sessions(Dataset):
    def __init__(self, lines: list[str]) -> None:
        self.lines = lines

    def __len__(self) -> int:
        return len(self.lines)

    def __getitem__(self, i: int) -> tuple[Tensor, Tensor]:
        row = json.loads(self.lines[i])
        return torch.tensor(featurise(row["events"])), torch.tensor([row["risk"]])


torch.manual_seed(0)
loader = DataLoader(Sessions(make_lines(120, 900)), batch_size=20, shuffle=True)
model = nn.Sequential(nn.Linear(3, 16), nn.ReLU(), nn.Linear(16, 1))
optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
for epoch in range(6):
    for x, risk in loader:
        loss = nn.functional.mse_loss(model(x), risk)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    print(f"epoch {epoch} loss {loss.item():.4f}")
