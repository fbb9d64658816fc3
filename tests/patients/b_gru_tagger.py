"""Tag each token of a sentence by a bidirectional GRU, in bfloat16 autocast."""
# fault: probabilities-as-logits
import torch
from torch import nn
from torch.nn import functional as F

torch.set_num_threads(1)
torch.manual_seed(5)

VOCAB, TAGS, LENGTH = 40, 6, 12
tag_of_word = torch.randint(TAGS, (VOCAB,))


def sample_batch(size):
    words = torch.randint(VOCAB, (size, LENGTH))
    tags = tag_of_word[words]
    after_zero = torch.roll(words, 1, dims=1) < 4
    return words, torch.where(after_zero, (tags + 1) % TAGS, tags)


class Tagger(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed = nn.Embedding(VOCAB, 24)
        self.gru = nn.GRU(24, 24, batch_first=True, bidirectional=True)
        self.norm = nn.LayerNorm(48)
        self.classify = nn.Linear(48, TAGS)

    def forward(self, words):
        states, _ = self.gru(self.embed(words))
        scores = self.classify(self.norm(states))
        return F.softmax(scores, dim=-1)


tagger = Tagger()
opt = torch.optim.Adam(tagger.parameters(), lr=4e-3, betas=(0.9, 0.98))
for step in range(120):
    words, tags = sample_batch(32)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        out = tagger(words)
        loss = F.cross_entropy(out.transpose(1, 2), tags)
    opt.zero_grad()
    loss.backward()
    torch.nn.utils.clip_grad_norm_(tagger.parameters(), 1.0)
    opt.step()
    if step % 20 == 0:
        accuracy = (out.argmax(-1) == tags).float().mean()
        print(f"step {step:4d}  loss {loss.item():.3f}  token accuracy {accuracy.item():.3f}")
