"""Logistic regression on bag-of-words counts, in double precision."""
# fault: swapped-arguments
import torch
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(17)
torch.set_default_dtype(torch.float64)

n_mails, n_words = 600, 30
spam = (torch.rand(n_mails) < 0.4).double()
rates = torch.rand(n_words)
spam_rates = rates * (1 + 2 * (torch.arange(n_words) % 3 == 0))
counts = torch.poisson(torch.where(spam[:, None] > 0, spam_rates, rates))
features = torch.log1p(counts)

model = nn.Linear(n_words, 1)
bce = nn.BCEWithLogitsLoss()
sgd = torch.optim.SGD(model.parameters(), lr=0.1)

for epoch in range(6):
    running = 0.0
    for rows in torch.randperm(n_mails).split(30):
        logits = model(features[rows]).squeeze(1)
        loss = bce(spam[rows], logits)
        sgd.zero_grad()
        loss.backward()
        sgd.step()
        running += loss.item()
    with torch.no_grad():
        hit = ((model(features).squeeze(1) > 0).double() == spam).double().mean()
    print(f"epoch {epoch}  loss {running / 20:.4f}  accuracy {hit.item():.3f}")
