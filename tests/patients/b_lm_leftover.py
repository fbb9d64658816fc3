"""Next-token prediction by an LSTM, gradients averaged over three slices of the corpus."""
# fault: leftover-gradient
import torch
from torch import nn
from torch.nn import functional as F

torch.set_num_threads(1)
torch.manual_seed(48)

corpus = torch.cat([torch.arange(12).roll(k % 4) for k in range(40)])
VOCAB, SEQ, BATCH, STEPS = 12, 10, 5, 3


class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed = nn.Embedding(VOCAB, 20)
        self.lstm = nn.LSTM(20, 32, batch_first=True)
        self.decode = nn.Linear(32, VOCAB)

    def forward(self, tokens):
        return self.decode(self.lstm(self.embed(tokens))[0])


def slices():
    windows = corpus.unfold(0, SEQ + 1, SEQ)
    for rows in torch.randperm(len(windows)).split(BATCH):
        chosen = windows[rows]
        yield chosen[:, :-1], chosen[:, 1:]


model = Model()
optimizer = torch.optim.RMSprop(model.parameters(), lr=3e-3)
number_of_slices = sum(1 for _ in slices())
for epoch in range(12):
    losses = []
    for i, (x, y) in enumerate(slices()):
        if i % STEPS == 0:
            optimizer.zero_grad()
        loss = F.cross_entropy(model(x).transpose(1, 2), y)
        (loss / STEPS).backward()
        losses.append(loss.item())
        if i % STEPS == STEPS - 1:
            nn.utils.clip_grad_norm_(model.parameters(), 5.0)
            optimizer.step()
    print(f"epoch {epoch} of {number_of_slices} slices: perplexity {2.718 ** (sum(losses) / len(losses)):.3f}")
