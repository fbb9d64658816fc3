"""Trains a small student on the softened outputs of a larger teacher."""

# fault: none
import torch
from sklearn.datasets import load_digits
from torch import Tensor, nn
from torch.nn import functional as F

torch.set_num_threads(1)
torch.manual_seed(23)

digits = load_digits()
x = torch.tensor(digits.data / 16, dtype=torch.float32)
y = torch.tensor(digits.target)


def fit(model: nn.Module, loss_of, epochs: int, lr: float) -> list[float]:
    optimizer = torch.optim.Adam(model.parameters(), lr=lr)
    curve = []
    for _ in range(epochs):
        model.train()
        for rows in torch.randperm(1500).split(125):
            loss = loss_of(model, x[rows], y[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            curve.append(loss.item())
    return curve


def hard_loss(model: nn.Module, inputs: Tensor, labels: Tensor) -> Tensor:
    return F.cross_entropy(model(inputs), labels)


def accuracy(model: nn.Module) -> float:
    model.eval()
    with torch.no_grad():
        return (model(x[1500:]).argmax(1) == y[1500:]).float().mean().item()


teacher = nn.Sequential(nn.Linear(64, 128), nn.ReLU(), nn.Dropout(0.2), nn.Linear(128, 10))
fit(teacher, hard_loss, epochs=5, lr=5e-3)
teacher_accuracy = accuracy(teacher)
student = nn.Sequential(nn.Linear(64, 16), nn.ReLU(), nn.Linear(16, 10))
TEMPERATURE = 3.0


def soft_loss(model: nn.Module, inputs: Tensor, labels: Tensor) -> Tensor:
    logits = model(inputs)
    with torch.no_grad():
        guide = F.log_softmax(teacher(inputs) / TEMPERATURE, dim=1)
    soft = F.kl_div(
        F.log_softmax(logits / TEMPERATURE, dim=1), guide, log_target=True, reduction="batchmean"
    )
    return 0.7 * TEMPERATURE**2 * soft + 0.3 * F.cross_entropy(logits, labels)


curve = fit(student, soft_loss, epochs=6, lr=1e-2)
print(
    f"teacher {teacher_accuracy:.3f} student {accuracy(student):.3f} loss {curve[0]:.3f} -> {curve[-1]:.3f}"
)
assert accuracy(student) > 0.8
