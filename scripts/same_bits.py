#!/usr/bin/env python3
"""Compares two builds of the program bit for bit: scripts/same_bits.py BEFORE AFTER.

Trains `quick`, `digits` and `shapes` for 60 steps and every method for 30 steps with both programs, traces a step of
each, and compares metrics.csv without its time column, and every tensor of traces and checkpoints. Exits with 1 where
anything differs.
"""

import csv
import json
import struct
import subprocess
import sys
import tempfile
from pathlib import Path

METHODS = ["remixmatch", "mixmatch", "fixmatch", "adamatch", "pseudo-label", "supervised"]


def cases():
    for preset in ["quick", "digits", "shapes"]:
        yield preset, ["--preset", preset, "--seed", "0"], ["--steps", "60"]
    for method in METHODS:
        options = ["--preset", "digits", "--method", method, "--batch", "8", "--seed", "1"]
        yield method, options, ["--steps", "30", "--report-every", "10"]


def run(program, folder):
    for name, options, length in cases():
        train = [program, "train", *options, *length, "--out", str(folder / name)]
        trace = [program, "trace", *options, "--out", str(folder / f"{name}.safetensors")]
        for command in [train, trace]:
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def tensors(path):
    """Name -> type, shape and bytes of a safetensors file."""
    data = path.read_bytes()
    (length,) = struct.unpack("<Q", data[:8])
    header = json.loads(data[8 : 8 + length])
    header.pop("__metadata__", None)
    body = data[8 + length :]
    return {
        name: (entry["dtype"], entry["shape"], body[slice(*entry["data_offsets"])])
        for name, entry in header.items()
    }


def rows(path):
    with path.open() as file:
        return [{k: v for k, v in row.items() if k != "seconds"} for row in csv.DictReader(file)]


def main():
    if len(sys.argv) != 3:
        sys.exit("usage: scripts/same_bits.py BEFORE AFTER (two builds of remixmatch)")
    differ = False
    with tempfile.TemporaryDirectory() as folder:
        before, after = [Path(folder) / name for name in ["before", "after"]]
        for program, out in zip(sys.argv[1:], [before, after]):
            out.mkdir()
            run(program, out)
        for name, _, _ in cases():
            found = [f"metrics.csv, {len(rows(before / name / 'metrics.csv'))} rows"]
            same = rows(before / name / "metrics.csv") == rows(after / name / "metrics.csv")
            for file in [f"{name}.safetensors", f"{name}/model.safetensors"]:
                a, b = tensors(before / file), tensors(after / file)
                wrong = sorted(key for key in a.keys() | b.keys() if a.get(key) != b.get(key))
                same = same and not wrong
                found.append(f"{file}, {len(a)} tensors" + (f", DIFFERENT: {' '.join(wrong[:5])}" if wrong else ""))
            differ = differ or not same
            print(f"{name}: {'same' if same else 'DIFFERENT'} ({'; '.join(found)})")
    sys.exit(1 if differ else 0)


if __name__ == "__main__":
    main()
