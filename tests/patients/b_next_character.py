"""Predict the next character of a poem with an LSTM."""
# fault: regression-on-classes
import torch
import torch.nn as nn

torch.set_num_threads(1)
torch.manual_seed(4)

text = (
    "tyger tyger burning bright in the forests of the night what immortal hand or eye "
    "could frame thy fearful symmetry in what distant deeps or skies burnt the fire of thine eyes "
) * 3
chars = sorted(set(text))
stoi = {c: i for i, c in enumerate(chars)}
data = torch.tensor([stoi[c] for c in text])
SEQ = 16


class CharModel(nn.Module):
    def __init__(self, vocab, hidden):
        super().__init__()
        self.emb = nn.Embedding(vocab, 16)
        self.rnn = nn.LSTM(16, hidden, batch_first=True)
        self.fc = nn.Linear(hidden, 1)

    def forward(self, idx):
        h, _ = self.rnn(self.emb(idx))
        return self.fc(h[:, -1, :])


def get_batch(n=48):
    starts = torch.randint(0, len(data) - SEQ - 1, (n,))
    x = torch.stack([data[s : s + SEQ] for s in starts])
    y = torch.stack([data[s + SEQ] for s in starts])
    return x, y


model = CharModel(len(chars), 48)
criterion = nn.MSELoss()
optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
for it in range(150):
    x, y = get_batch()
    y_hat = model(x)
    loss = criterion(y_hat, y.float().unsqueeze(1))
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if it % 30 == 0:
        print("iter", it, "loss", loss.item())

context = data[:SEQ].unsqueeze(0)
out = []
with torch.no_grad():
    for _ in range(40):
        nxt = model(context).round().long().clamp(0, len(chars) - 1)
        out.append(chars[nxt.item()])
        context = torch.cat([context[:, 1:], nxt], dim=1)
print("".join(out))
