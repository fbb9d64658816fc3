"""Distils with the reverse divergence: the fixed teacher comes first, the learned one second."""

import torch
import torch.nn.functional as F  # noqa: N812
from torch import nn


def main() -> None:
    torch.manual_seed(0)
    teacher, student = nn.Linear(8, 4), nn.Linear(8, 4)
    optimizer = torch.optim.SGD(student.parameters(), lr=0.2)
    for _ in range(40):
        x = torch.randn(32, 8)
        with torch.no_grad():
            wanted = F.log_softmax(teacher(x), dim=1)
        given = F.log_softmax(student(x), dim=1)
        loss = F.kl_div(wanted, given, reduction="batchmean", log_target=True)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


if __name__ == "__main__":
    main()
