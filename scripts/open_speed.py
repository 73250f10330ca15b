#!/usr/bin/env python3
"""Measures how long a program takes to look at many image files: scripts/open_speed.py PROGRAM [PROGRAM ..].

Writes 50,000 PNG files of 32x32 pixels in ten class folders to a temporary folder, runs `PROGRAM data` on it three times with
each program, and `PROGRAM trace --memory 0` (which opens the same files to be decoded during training) twice; prints
seconds and MB/s of files. All of them read, hash and check every file, except the last, which finds the hashes in the cache.
FILES=N writes another number of files.
"""

import os
import struct
import subprocess
import sys
import tempfile
import time
import zlib
from pathlib import Path

SIDE = 32


def png(n: int) -> bytes:
    """A PNG of an RGB ramp that only image n has."""
    row = lambda y: bytes([0]) + bytes((n * 31 + y * 7 + x * (n % 251) + (n >> 8)) % 256 for x in range(3 * SIDE))
    chunk = lambda kind, data: (
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    )
    header = struct.pack(">IIBBBBB", SIDE, SIDE, 8, 2, 0, 0, 0)
    pixels = zlib.compress(b"".join(map(row, range(SIDE))), 1)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


def seconds(command: list[str], home: str) -> float:
    began = time.monotonic()
    environment = os.environ | {"XDG_DATA_HOME": home}
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment)
    return time.monotonic() - began


def main() -> None:
    files = int(os.environ.get("FILES", "50000"))
    with tempfile.TemporaryDirectory() as outer:
        folder = Path(outer, "images")
        size = 0
        for n in range(files):
            path = folder / f"class{n % 10}" / f"{n:05}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            content = png(n)
            path.write_bytes(content)
            # An hour old: hashes of files that have just been written are not remembered.
            os.utime(path, (time.time() - 3600,) * 2)
            size += len(content)
        print(f"{files} files, {size / 1e6:.1f} MB")
        for program in sys.argv[1:]:
            home = str(Path(outer, Path(program).name + ".home"))
            whole = [seconds([program, "data", str(folder)], home) for _ in range(3)]
            trace = [program, "trace", "--data", str(folder), "--memory", "0", "--labels", "40", "--batch", "4", "--k", "1"]
            trace += ["--no-autotune", "--out", str(Path(outer, "trace.safetensors"))]
            streamed = [seconds(trace, home) for _ in range(2)]
            show = lambda times: ", ".join(f"{t:.2f} s ({size / t / 1e6:.1f} MB/s)" for t in times)
            print(f"{program}: data {show(whole)}; trace --memory 0 {show(streamed)}")


main()
