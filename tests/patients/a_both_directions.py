"""A bidirectional GRU with dropout and attention dropout, scored with scikit-learn in eval mode."""
# fault: none

import torch
import torch.nn.functional as F
from sklearn.metrics import balanced_accuracy_score
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(62)


def strings(n):
    ids = torch.randint(3, 12, (n, 14))
    label = torch.randint(0, 2, (n,))
    place = torch.randint(0, 13, (n,))
    ids[torch.arange(n), place] = 1
    ids[torch.arange(n), place + 1] = 2 - label
    return ids, label


class Reader(nn.Module):
    def __init__(self, width=24, dropout=0.2):
        super().__init__()
        self.dropout = dropout
        self.embed = nn.Embedding(12, width)
        self.gru = nn.GRU(width, width, num_layers=2, dropout=dropout, bidirectional=True)
        self.out = nn.Linear(4 * width, 2)

    def forward(self, ids):
        steps, hidden = self.gru(self.embed(ids.t()))
        last = hidden[-2:].permute(1, 0, 2).reshape(ids.size(0), -1)
        query = steps.transpose(0, 1)
        rate = self.dropout if self.training else 0.0
        mixed = F.scaled_dot_product_attention(query, query, query, dropout_p=rate)
        return self.out(torch.cat([last, mixed.amax(1)], 1))


train_ids, train_label = strings(600)
test_ids, test_label = strings(200)
model = Reader()
optimizer = torch.optim.AdamW(model.parameters(), lr=5e-3)
for epoch in range(4):
    model.train()
    for rows in torch.randperm(600).split(30):
        optimizer.zero_grad()
        loss = F.cross_entropy(model(train_ids[rows]), train_label[rows])
        loss.backward()
        optimizer.step()
    model.eval()
    with torch.no_grad():
        predicted = model(test_ids).argmax(1).numpy()
    score = balanced_accuracy_score(test_label.numpy(), predicted)
    print(f"epoch {epoch + 1}: loss {loss.item():.3f} balanced accuracy {score:.3f}")
