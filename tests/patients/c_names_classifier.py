"""An LSTM that tells Spanish from English words by their letters."""

# fault: missing-update
import random

import torch
import torch.nn as nn

torch.set_num_threads(1)
random.seed(0)
torch.manual_seed(0)

spanish = (
    "casa perro gato libro mesa silla ventana puerta amigo tiempo noche ciudad camino fuego".split()
)
english = "house dog cat book table chair window door friend time night city road fire".split()
letters = "abcdefghijklmnopqrstuvwxyz"


def word_to_tensor(word):
    tensor = torch.zeros(len(word), 1, len(letters))
    for i, letter in enumerate(word):
        tensor[i][0][letters.index(letter)] = 1
    return tensor


class RNN(nn.Module):
    def __init__(self, input_size, hidden_size, output_size):
        super().__init__()
        self.lstm = nn.LSTM(input_size, hidden_size)
        self.h2o = nn.Linear(hidden_size, output_size)

    def forward(self, word):
        _, (hidden, _) = self.lstm(word)
        return torch.log_softmax(self.h2o(hidden[-1]), dim=1)


rnn = RNN(len(letters), 32, 2)
criterion = nn.NLLLoss()
optimizer = torch.optim.SGD(rnn.parameters(), lr=0.05)


def train(category, word):
    rnn.zero_grad()
    output = rnn(word_to_tensor(word))
    loss = criterion(output, category)
    loss.backward()
    optimizer.step
    return output, loss.item()


current_loss = 0
for i in range(1, 301):
    label = random.randint(0, 1)
    word = random.choice([spanish, english][label])
    output, loss = train(torch.tensor([label]), word)
    current_loss += loss
    if i % 50 == 0:
        guess = output.argmax(1).item()
        print(
            f"{i} loss {current_loss / 50:.4f} {word} -> {guess} {'ok' if guess == label else 'x'}"
        )
        current_loss = 0
