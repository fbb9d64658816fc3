"""Sort short token sequences into eight topics with a small transformer encoder."""
# fault: regression-on-classes
# missed: the numbers of the words follow the order of the topics, as those of a quantity would
import torch
import torch.nn as nn
import torch.nn.functional as F

torch.set_num_threads(1)
torch.manual_seed(9)

TOPICS, VOCAB, LENGTH = 8, 64, 10


class TopicModel(nn.Module):
    def __init__(self, dim=32):
        super().__init__()
        self.tokens = nn.Embedding(VOCAB, dim)
        self.positions = nn.Parameter(torch.zeros(1, LENGTH, dim))
        layer = nn.TransformerEncoderLayer(dim, nhead=4, dim_feedforward=64, dropout=0.0, batch_first=True)
        self.encoder = nn.TransformerEncoder(layer, num_layers=1)
        self.head = nn.Linear(dim, 1)

    def forward(self, tokens):
        hidden = self.encoder(self.tokens(tokens) + self.positions)
        return self.head(hidden.mean(dim=1)).flatten()


def documents(n):
    topic = torch.randint(TOPICS, (n,))
    start = topic * (VOCAB // TOPICS)
    own = start[:, None] + torch.randint(VOCAB // TOPICS, (n, LENGTH))
    other = torch.randint(VOCAB, (n, LENGTH))
    return torch.where(torch.rand(n, LENGTH) < 0.5, own, other), topic


model = TopicModel()
optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3)
train_x, train_y = documents(640)
test_x, test_y = documents(200)
for epoch in range(4):
    model.train()
    for rows in torch.randperm(640).split(32):
        out = model(train_x[rows])
        loss = F.l1_loss(out, train_y[rows].float())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    model.eval()
    with torch.no_grad():
        right = (model(test_x).round().long() == test_y).float().mean()
    print(f"epoch {epoch + 1} loss {loss.item():.3f} test accuracy {right.item():.3f}")
