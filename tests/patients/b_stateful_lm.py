"""Truncated backpropagation through time: the LSTM's state goes on, its graph does not."""
# fault: none
import torch
import torch.nn as nn

torch.set_num_threads(1)
torch.manual_seed(81)
VOCAB, BPTT, LANES = 15, 10, 8

stream = (torch.arange(4000) * torch.arange(4000) // 3) % VOCAB
lanes = stream.view(LANES, -1)


class LM(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed = nn.Embedding(VOCAB, 32)
        self.lstm = nn.LSTM(32, 48, batch_first=True)
        self.out = nn.Linear(48, VOCAB)

    def forward(self, x, state):
        h, state = self.lstm(self.embed(x), state)
        return self.out(h), state


model = LM()
optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
criterion = nn.CrossEntropyLoss()
for epoch in range(3):
    state = None
    total, parts = 0.0, 0
    for lo in range(0, lanes.shape[1] - BPTT - 1, BPTT):
        x, y = lanes[:, lo : lo + BPTT], lanes[:, lo + 1 : lo + BPTT + 1]
        if state is not None:
            state = tuple(s.detach() for s in state)
        logits, state = model(x, state)
        loss = criterion(logits.reshape(-1, VOCAB), y.reshape(-1))
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 0.5)
        optimizer.step()
        total += loss.item()
        parts += 1
    print(f"epoch {epoch} loss {total / parts:.3f}")
