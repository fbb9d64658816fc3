"""A sentence classifier on top of word vectors that come ready-made and stay as they are."""

# fault: unfrozen-module
import torch
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(95)

VOCAB, DIM = 80, 20
pretrained = torch.randn(VOCAB, DIM)
meaning = torch.randn(DIM)


class SentenceClassifier(nn.Module):
    def __init__(self, vectors):
        super().__init__()
        self.embedding = nn.Embedding(*vectors.shape)
        self.embedding.weight.data.copy_(vectors)
        self.embedding.requires_grad = False
        self.rnn = nn.LSTM(vectors.shape[1], 24, batch_first=True)
        self.drop = nn.Dropout(0.1)
        self.fc = nn.Linear(24, 1)

    def forward(self, tokens):
        output, _ = self.rnn(self.embedding(tokens))
        return self.fc(self.drop(output.mean(1))).squeeze(1)


tokens = torch.randint(0, VOCAB, (900, 7))
labels = (pretrained[tokens].mean(1) @ meaning > 0).float()

model = SentenceClassifier(pretrained)
optimizer = torch.optim.RMSprop(model.parameters(), lr=2e-3)
criterion = nn.BCEWithLogitsLoss()

for epoch in range(4):
    model.train()
    total = 0.0
    for rows in torch.randperm(800).split(40):
        optimizer.zero_grad()
        loss = criterion(model(tokens[rows]), labels[rows])
        loss.backward()
        optimizer.step()
        total += loss.item()
    model.eval()
    with torch.no_grad():
        accuracy = ((model(tokens[800:]) > 0).float() == labels[800:]).float().mean().item()
    print(f"epoch {epoch} loss {total / 20:.3f} accuracy {accuracy:.2f}")
