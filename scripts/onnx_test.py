#!/usr/bin/env python3
"""Holds exported models to the program: trains a short run of each network, exports it, classifies 1,000 images with
onnxruntime and with `remixmatch predict`, and fails if a class differs or a probability by more than 1e-5.

    onnx_test.py BINARY [NETWORK ...]
"""

import csv
import gzip
import io
import json
import pathlib
import subprocess
import sys
import tempfile

import numpy
import onnxruntime

IMAGES = 1_000
# Images of the run, labelled.
TRAINED = 300
# Largest difference of a probability.
TOLERANCE = 1e-5
BATCH = 100
# Network, and side and channels of its images: odd sides, and one of each family.
RUNS = [("wrn-10-1", 28, 1), ("wrn-16-1", 17, 3), ("efficientnet-lite0", 32, 3)]
SHORT = ["--preset", "digits", "--method", "supervised", "--labels", "200", "--label-balance", "train", "--batch", "32", "--steps", "60"]
SHORT += ["--lr", "0.01", "--ema", "0.9", "--report-every", "60"]
ROOT = pathlib.Path(__file__).resolve().parent.parent


def read_idx(name, header):
    """The bytes of a built-in IDX file after its header."""
    content = gzip.open(ROOT / "assets/digits" / name).read()
    return numpy.frombuffer(content, numpy.uint8, offset=header)


def digits(count, side, channels):
    """u8 [count, side, side, channels] and labels: digits cut or padded to the side, in grey on grey or in a colour each."""
    source = read_idx("train-images-idx3-ubyte.gz", 16).reshape(-1, 28, 28)[:count]
    pad = max(side - 28, 0)
    source = numpy.pad(source, ((0, 0), (0, pad), (0, pad)))
    first = (source.shape[1] - side) // 2
    source = source[:, first : first + side, first : first + side, None].astype(numpy.float32) / 255
    colours = numpy.random.default_rng(0).integers(0, 256, (2, count, 1, 1, channels))
    pixels = (1 - source) * (colours[0] // 3) + source * (128 + colours[1] // 2)
    labels = read_idx("train-labels-idx1-ubyte.gz", 8)[:count]
    return pixels.astype(numpy.uint8), labels


def write_image(path, pixels):
    """Writes a PGM or PPM file, which has the pixels as they are."""
    height, width, channels = pixels.shape
    kind = "P5" if channels == 1 else "P6"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(f"{kind} {width} {height} 255\n".encode() + pixels.tobytes())


def run(binary, *arguments):
    outcome = subprocess.run([binary, *map(str, arguments)], capture_output=True, text=True)
    if outcome.returncode != 0:
        sys.exit(f"{arguments[0]} failed: {outcome.stderr}")
    return outcome.stdout


def predicted(binary, model, folder):
    """Class names, the class of each image, and f32 [images, classes]."""
    rows = list(csv.reader(io.StringIO(run(binary, "predict", "--model", model, "--csv", folder))))
    columns = rows[0].index("class") + 1
    names = rows[0][columns:]
    values = numpy.array([row[columns:] for row in rows[1:]], numpy.float32)
    return names, [row[columns - 1] for row in rows[1:]], values


def exported(binary, model, path, weights):
    """Class names and a function from u8 images to f32 [images, classes]."""
    run(binary, "export", "--model", model, "--out", path, "--weights", weights)
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    names = json.loads(session.get_modelmeta().custom_metadata_map["classes"])

    def probabilities(pixels):
        return session.run(["probabilities"], {"images": pixels})[0]

    return names, probabilities


def compare(binary, network, side, channels):
    pixels, labels = digits(IMAGES, side, channels)
    with tempfile.TemporaryDirectory() as outer:
        outer = pathlib.Path(outer)
        for index, image in enumerate(pixels):
            write_image(outer / "images" / f"{index:04}.pnm", image)
            if index < TRAINED:
                write_image(outer / "data" / f"digit {labels[index]}" / f"{index:04}.pnm", image)
        options = ["--network", network, "--image-size", side, *SHORT]
        run(binary, "train", "--data", outer / "data", "--out", outer / "run", *options)
        names, probabilities = exported(binary, outer / "run", outer / "ema.onnx", "ema")
        raw = exported(binary, outer / "run", outer / "raw.onnx", "raw")[1]
        expected_names, expected_classes, expected = predicted(binary, outer / "run", outer / "images")
        assert names == expected_names, f"{network}: classes {names} instead of {expected_names}"
        assert expected.shape[0] == IMAGES, f"{network}: {expected.shape[0]} predictions"
        batches = [probabilities(pixels[first : first + BATCH]) for first in range(0, IMAGES, BATCH)]
        found = numpy.concatenate(batches)
        difference = float(numpy.abs(found - expected).max())
        classes = [names[index] for index in found.argmax(axis=1)]
        wrong = sum(ours != theirs for ours, theirs in zip(classes, expected_classes))
        right = sum(name == f"digit {label}" for name, label in zip(classes, labels)) / IMAGES
        # Any batch, and other weights.
        alone = float(numpy.abs(probabilities(pixels[:1])[0] - found[0]).max())
        others = float(numpy.abs(raw(pixels[:BATCH]) - found[:BATCH]).max())
    print(
        f"{network} on {side}x{side}x{channels}: {IMAGES} images, largest difference {difference:.1e}, {wrong} other "
        f"classes; {len(set(classes))} classes, {right:.0%} right, raw weights differ by {others:.2f}"
    )
    return difference <= TOLERANCE and wrong == 0 and alone <= TOLERANCE and others > TOLERANCE


def main():
    binary, *networks = sys.argv[1:]
    runs = [run for run in RUNS if not networks or run[0] in networks]
    if not runs:
        sys.exit(f"none of {', '.join(networks)} is among {', '.join(run[0] for run in RUNS)}")
    results = [compare(binary, *run) for run in runs]
    sys.exit(0 if all(results) else "exported models differ from predict")


main()
