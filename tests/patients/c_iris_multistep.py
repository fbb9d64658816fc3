"""Iris flowers with a multi-step schedule."""

# fault: early-schedule
import torch
import torch.nn as nn
import torch.optim as optim
from sklearn.datasets import load_iris
from sklearn.preprocessing import scale
from torch.optim import lr_scheduler
from torch.utils.data import DataLoader, TensorDataset

torch.set_num_threads(1)
torch.manual_seed(50)

iris = load_iris()
inputs = torch.tensor(scale(iris.data), dtype=torch.float32)
targets = torch.tensor(iris.target)
order = torch.randperm(150)
train, test = order[:120], order[120:]
dataloader = DataLoader(TensorDataset(inputs[train], targets[train]), batch_size=12, shuffle=True)


def train_model(model, criterion, optimizer, scheduler, num_epochs=25):
    for epoch in range(num_epochs):
        scheduler.step()
        model.train()
        running_loss = 0.0
        for x, y in dataloader:
            optimizer.zero_grad()
            outputs = model(x)
            loss = criterion(outputs, y)
            loss.backward()
            optimizer.step()
            running_loss += loss.item() * x.size(0)

        model.eval()
        with torch.no_grad():
            correct = (model(inputs[test]).argmax(1) == targets[test]).sum().item()
        if epoch % 5 == 0:
            print(
                f"Epoch {epoch}/{num_epochs - 1} loss {running_loss / 120:.4f} correct {correct}/30"
            )
    return model


model_ft = nn.Sequential(nn.Linear(4, 16), nn.ReLU(), nn.Linear(16, 3))
optimizer_ft = optim.SGD(model_ft.parameters(), lr=0.05, momentum=0.9)
exp_lr_scheduler = lr_scheduler.MultiStepLR(optimizer_ft, milestones=[10, 20], gamma=0.1)
train_model(model_ft, nn.CrossEntropyLoss(), optimizer_ft, exp_lr_scheduler)
