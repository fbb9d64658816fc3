"""Data that stands in for what the scripts would download, made of what is at hand.

scikit-learn's digits, enlarged, for MNIST and CIFAR; Python's own licence for all texts; a small
random graph for Cora. What a stand-in teaches is beside the point: the doctor reads the loop.
"""

from __future__ import annotations

import gzip
import pickle
import random
import string
import struct
import sysconfig
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Bytes = NDArray[np.uint8]

TRAIN = 1400  # of 1,797 digits; many scripts ask for a multiple of their batch of 100
CIFAR_FILES = [f"data_batch_{number}" for number in range(1, 6)]
KINDS = [f"kind {number}" for number in range(10)]


def digits(side: int, count: int = 1797) -> tuple[Bytes, Bytes]:
    """Give digits as bytes: images (count, side, side), in an order drawn once, and labels."""
    import torch
    from sklearn.datasets import load_digits

    pixels, kinds = load_digits(return_X_y=True)
    small = torch.tensor(np.asarray(pixels).reshape(-1, 1, 8, 8) * (255 / 16))
    order = np.random.default_rng(0).permutation(len(small))[:count]
    large = torch.nn.functional.interpolate(small[order], size=(side, side), mode="bilinear")
    images = large[:, 0].round().clamp(0, 255).numpy().astype(np.uint8)
    return images, np.asarray(kinds).astype(np.uint8)[order]


def mnist(into: Path) -> None:
    """Write the four IDX files below MNIST/raw, as torchvision leaves them."""
    idx_files(into / "MNIST" / "raw")


def fashion(into: Path) -> None:
    """Write the same files where torchvision keeps FashionMNIST."""
    idx_files(into / "FashionMNIST" / "raw")


def idx_files(into: Path, *, zipped: bool = False) -> None:
    """Write images and labels for training and test in MNIST's own format."""
    into.mkdir(parents=True, exist_ok=True)
    images, labels = digits(28)
    for name, rows in (("train", slice(0, TRAIN)), ("t10k", slice(TRAIN, None))):
        _idx(into / f"{name}-images-idx3-ubyte", images[rows], zipped)
        _idx(into / f"{name}-labels-idx1-ubyte", labels[rows], zipped)


def idx_zipped(into: Path) -> None:
    """Write the IDX files as they are downloaded, compressed."""
    idx_files(into, zipped=True)


def _idx(path: Path, values: Bytes, zipped: bool) -> None:
    head = struct.pack(f">HBB{values.ndim}I", 0, 8, values.ndim, *values.shape)
    content = head + values.tobytes()
    if zipped:
        path.with_name(path.name + ".gz").write_bytes(gzip.compress(content, mtime=0))
    else:
        path.write_bytes(content)


def cifar(into: Path) -> None:
    """Write CIFAR-10's batches: digits in three channels, 32 to a side."""
    folder = into / "cifar-10-batches-py"
    folder.mkdir(parents=True, exist_ok=True)
    images, labels = digits(32)
    rows = np.repeat(images.reshape(len(images), -1), 3, axis=0).reshape(len(images), -1)
    parts = np.array_split(np.arange(TRAIN), len(CIFAR_FILES))
    test = np.arange(TRAIN, len(images))
    for name, part in (*zip(CIFAR_FILES, parts, strict=True), ("test_batch", test)):
        _pickle(folder / name, {"data": rows[part], "labels": labels[part].tolist()})
    _pickle(folder / "batches.meta", {"label_names": KINDS})


def _pickle(path: Path, content: object) -> None:
    path.write_bytes(pickle.dumps(content))


def licence() -> str:
    """Give the text of Python's licence, which lies beside every Python."""
    places = [Path(sysconfig.get_path("stdlib")), Path(sysconfig.get_config_var("prefix"))]
    for path in (place / name for place in places for name in ("LICENSE.txt", "LICENSE")):
        if path.is_file():
            return path.read_text(encoding="utf-8")
    import this

    return "".join(this.d.get(letter, letter) for letter in this.s) * 10


def text(into: Path) -> None:
    """Write the licence as input.txt, and once every letter and sign that a prompt may hold."""
    into.mkdir(parents=True, exist_ok=True)
    content = licence() + "\n" + string.printable[:95] + "\n"
    (into / "input.txt").write_text(content, encoding="utf-8")


def wikitext(into: Path) -> None:
    """Write train.txt, valid.txt and test.txt, one paragraph a line."""
    into.mkdir(parents=True, exist_ok=True)
    words = licence().split()
    lines = [" ".join(words[i : i + 12]) + "\n" for i in range(0, len(words), 12)]
    cuts = {"train": lines[:-60], "valid": lines[-60:-30], "test": lines[-30:]}
    for name, part in cuts.items():
        (into / f"{name}.txt").write_text("".join(part), encoding="utf-8")


def words(into: Path) -> None:
    """Write names.txt: the licence's words, one a line, letters only."""
    into.mkdir(parents=True, exist_ok=True)
    found = sorted({word.lower() for word in licence().split() if word.isalpha()})
    (into / "names.txt").write_text("\n".join(found) + "\n", encoding="utf-8")


def shakespeare(into: Path) -> None:
    """Write nanoGPT's data: one number a character, for training and validation."""
    into.mkdir(parents=True, exist_ok=True)
    content = licence()
    letters = sorted(set(content))
    index = {letter: number for number, letter in enumerate(letters)}
    ids = np.array([index[letter] for letter in content], dtype=np.uint16)
    cut = len(ids) * 9 // 10
    ids[:cut].tofile(into / "train.bin")
    ids[cut:].tofile(into / "val.bin")
    meta = {"vocab_size": len(letters), "itos": dict(enumerate(letters)), "stoi": index}
    _pickle(into / "meta.pkl", meta)


def cora(into: Path) -> None:
    """Write cora.content and cora.cites: 2,000 nodes, 7 kinds, words that tell the kind."""
    into.mkdir(parents=True, exist_ok=True)
    draw = random.Random(0)
    kinds = [draw.randrange(7) for _ in range(2000)]
    with (into / "cora.content").open("w") as file:
        for node, kind in enumerate(kinds):
            bits = [int(draw.random() < (0.3 if word % 7 == kind else 0.05)) for word in range(70)]
            bits[0] = 1  # no node without a word
            file.write("\t".join(map(str, [node, *bits, f"kind{kind}"])) + "\n")
    edges = {(draw.randrange(2000), draw.randrange(2000)) for _ in range(5000)}
    lines = [f"{one}\t{other}\n" for one, other in sorted(edges) if one != other]
    (into / "cora.cites").write_text("".join(lines))


def table(into: Path) -> None:
    """Write diabetes.csv.gz: eight columns in -1..1 and a label, a comma between."""
    into.mkdir(parents=True, exist_ok=True)
    draw = np.random.default_rng(0)
    columns = draw.uniform(-1, 1, (759, 8))
    label = (columns.sum(1) + draw.normal(0, 0.5, 759) > 0).astype(float)
    rows = np.column_stack([columns, label])
    content = "\n".join(",".join(f"{value:.6f}" for value in row) for row in rows)
    (into / "diabetes.csv.gz").write_bytes(gzip.compress(content.encode(), mtime=0))


def pictures(into: Path) -> None:
    """Write 24 digits as JPEG pictures, 256 to a side."""
    from PIL import Image

    into.mkdir(parents=True, exist_ok=True)
    for number, image in enumerate(digits(256, 24)[0]):
        Image.fromarray(image).convert("RGB").save(into / f"{number:02}.jpg")


def waves(into: Path) -> None:
    """Write traindata.pt: 20 sine waves (20, 200), each with an offset of its own."""
    import torch

    into.mkdir(parents=True, exist_ok=True)
    offsets = np.random.default_rng(0).integers(-80, 80, (20, 1))
    torch.save(np.sin((np.arange(200) + offsets) / 20.0), into / "traindata.pt")


def names(into: Path) -> None:
    """Write names_train.csv.gz and names_test.csv.gz: a word, and the kind its end tells."""
    into.mkdir(parents=True, exist_ok=True)
    found = sorted({word for word in licence().split() if word.isalpha() and word.isascii()})
    rows = [f"{word},{'vowel' if word[-1] in 'aeiouy' else 'consonant'}" for word in found]
    for name, part in (("train", rows[::2]), ("test", rows[1::2])):
        path = into / f"names_{name}.csv.gz"
        path.write_bytes(gzip.compress("\n".join(part).encode(), mtime=0))


def folder(into: Path) -> None:
    """Make an empty folder, where a script writes into one that its repository holds."""
    into.mkdir(parents=True, exist_ok=True)


MAKERS: dict[str, Callable[[Path], None]] = {
    "mnist": mnist,
    "fashion": fashion,
    "idx": idx_files,
    "idx.gz": idx_zipped,
    "cifar": cifar,
    "text": text,
    "wikitext": wikitext,
    "words": words,
    "shakespeare": shakespeare,
    "cora": cora,
    "table": table,
    "pictures": pictures,
    "waves": waves,
    "names": names,
    "folder": folder,
}
