"""Two-phase training loop, train and val, for a classifier of wine cultivars."""
# fault: gradless-training | detached-loss

import torch
from sklearn.datasets import load_wine
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.set_num_threads(1)
torch.manual_seed(2)

x, y = load_wine(return_X_y=True)
x = StandardScaler().fit_transform(x).astype("float32")
x_train, x_val, y_train, y_val = train_test_split(x, y, random_state=0, stratify=y)
datasets = {
    "train": TensorDataset(torch.from_numpy(x_train), torch.from_numpy(y_train)),
    "val": TensorDataset(torch.from_numpy(x_val), torch.from_numpy(y_val)),
}
dataloaders = {
    phase: DataLoader(ds, batch_size=16, shuffle=phase == "train") for phase, ds in datasets.items()
}


def train_model(model, criterion, optimizer, num_epochs):
    for epoch in range(num_epochs):
        for phase in ("train", "val"):
            model.train(phase == "train")
            running_loss, running_corrects = 0.0, 0
            for inputs, labels in dataloaders[phase]:
                optimizer.zero_grad()
                with torch.set_grad_enabled(phase == "training"):
                    outputs = model(inputs)
                    loss = criterion(outputs, labels)
                if phase == "train":
                    loss.requires_grad_()
                    loss.backward()
                    optimizer.step()
                running_loss += loss.item() * inputs.size(0)
                running_corrects += (outputs.argmax(1) == labels).sum().item()
            n = len(datasets[phase])
            print(f"{epoch} {phase}: loss {running_loss / n:.4f} acc {running_corrects / n:.3f}")
    return model


net = nn.Sequential(nn.Linear(13, 32), nn.ReLU(), nn.Dropout(0.1), nn.Linear(32, 3))
train_model(net, nn.CrossEntropyLoss(), torch.optim.Adam(net.parameters(), lr=5e-3), 8)
