"""Customer churn with one logit per customer and a weighted loss."""
# fault: none
import torch
from sklearn.datasets import make_classification
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(78)

features, churned = make_classification(900, 12, n_informative=5, weights=[0.8], random_state=4)
features = torch.tensor(features, dtype=torch.float32)
churned = torch.tensor(churned, dtype=torch.float32).unsqueeze(1)
weight = (churned == 0).sum() / (churned == 1).sum()

model = nn.Sequential(nn.Linear(12, 32), nn.ReLU(), nn.Dropout(0.1), nn.Linear(32, 1))
criterion = nn.BCEWithLogitsLoss(pos_weight=weight)
optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
for epoch in range(10):
    model.train()
    for rows in torch.randperm(800).split(50):
        loss = criterion(model(features[rows]), churned[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    model.eval()
    with torch.no_grad():
        probability = torch.sigmoid(model(features[800:]))
        predicted = (probability > 0.5).float()
        accuracy = (predicted == churned[800:]).float().mean().item()
        recall = predicted[churned[800:] == 1].mean().item()
    if epoch % 3 == 0:
        print(f"epoch {epoch} loss {loss.item():.3f} accuracy {accuracy:.3f} recall {recall:.3f}")
