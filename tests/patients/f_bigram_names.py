"""A character-level language model of made-up names with an LSTM."""

# fault: stale-gradient
import torch
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(0)

names = "anna bella clara dora elena fiona greta hanna irina julia karla laura mara nora".split()
text = " ".join(names * 6)
chars = sorted(set(text))
stoi = {c: i for i, c in enumerate(chars)}
data = torch.tensor([stoi[c] for c in text])

embed = nn.Embedding(len(chars), 16)
lstm = nn.LSTM(16, 32, batch_first=True)
head = nn.Linear(32, len(chars))
params = [*embed.parameters(), *lstm.parameters(), *head.parameters()]
optimizer = torch.optim.SGD(params, lr=0.5, momentum=0.9)

for step in range(150):
    starts = torch.randint(0, len(data) - 17, (16,))
    x = torch.stack([data[s : s + 16] for s in starts])
    y = torch.stack([data[s + 1 : s + 17] for s in starts])
    hidden, _ = lstm(embed(x))
    logits = head(hidden)
    loss = nn.functional.cross_entropy(logits.flatten(0, 1), y.flatten())
    loss.backward()
    optimizer.step()
    if step % 25 == 24:
        print(f"step {step} loss {loss.item():.3f}")
