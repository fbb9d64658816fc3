"""A convolutional text classifier over character embeddings."""
# fault: mixed-samples

import torch
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(15)

VOCAB, LENGTH, BATCH = 30, 24, 25


def strings(n):
    text = torch.randint(1, VOCAB, (n, LENGTH))
    label = torch.randint(0, 2, (n,))
    place = torch.randint(0, LENGTH - 3, (n,))
    for row in range(n):
        if label[row]:
            text[row, place[row] : place[row] + 3] = torch.tensor([5, 9, 2])
    return text, label.float()


class CharCNN(nn.Module):
    def __init__(self, dim=16, filters=24):
        super().__init__()
        self.embedding = nn.Embedding(VOCAB, dim)
        self.rnn = nn.GRU(dim, filters)
        self.linear = nn.Linear(filters * LENGTH, 1)

    def forward(self, text):
        batch = text.size(0)
        embedded = self.embedding(text.t())
        output, _ = self.rnn(embedded)
        features = output.reshape(batch, -1)
        return self.linear(features).squeeze(1)


text, label = strings(1000)
valid_text, valid_label = strings(200)
model = CharCNN()
optimizer = torch.optim.RMSprop(model.parameters(), lr=2e-3)
loss_fn = nn.BCEWithLogitsLoss()

for epoch in range(3):
    total = 0.0
    for rows in torch.randperm(1000).split(BATCH):
        optimizer.zero_grad()
        loss = loss_fn(model(text[rows]), label[rows])
        loss.backward()
        optimizer.step()
        total += loss.item()
    with torch.no_grad():
        right = ((model(valid_text) > 0) == (valid_label > 0)).float().mean().item()
    print(f"epoch {epoch}: loss {total / 40:.3f} valid accuracy {right:.3f}")
