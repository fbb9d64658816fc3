"""Trains a toy topic classifier with token dropout and scores it in eval mode."""

# fault: restless-evaluation
# missed: it answers the same data twice, as an evaluation does that samples its dropout on purpose
import torch
import torch.nn.functional as F
from torch import Tensor, nn

torch.set_num_threads(1)
torch.manual_seed(9)

WORDS, TOPICS, LENGTH = 60, 3, 8


class TopicNet(nn.Module):
    def __init__(self, width: int = 24, rate: float = 0.5) -> None:
        super().__init__()
        self.embed = nn.Embedding(WORDS, width)
        self.hidden = nn.Linear(width, 32)
        self.out = nn.Linear(32, TOPICS)
        self.rate = rate

    def pool(self, ids: Tensor) -> Tensor:
        return F.dropout(self.embed(ids), p=self.rate).mean(dim=1)

    def forward(self, ids: Tensor) -> Tensor:
        return self.out(F.relu(self.hidden(self.pool(ids))))


def documents(size: int) -> tuple[Tensor, Tensor]:
    topics = torch.randint(0, TOPICS, (size,))
    own = topics[:, None] * 20 + torch.randint(0, 20, (size, LENGTH))
    noise = torch.randint(0, WORDS, (size, LENGTH))
    return torch.where(torch.rand(size, LENGTH) < 0.4, own, noise), topics


train_x, train_y = documents(800)
test_x, test_y = documents(200)
model = TopicNet()
optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
for epoch in range(5):
    model.train()
    for rows in torch.randperm(800).split(50):
        optimizer.zero_grad()
        loss = F.cross_entropy(model(train_x[rows]), train_y[rows])
        loss.backward()
        optimizer.step()
    model.eval()
    with torch.no_grad():
        once, twice = model(test_x), model(test_x)
    same = torch.equal(once, twice)
    print(
        f"epoch {epoch} loss {loss.item():.3f} test {(once.argmax(1) == test_y).float().mean():.3f} repeatable {same}"
    )
