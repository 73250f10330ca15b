#!/usr/bin/env python3
"""Writes fuzz/corpus from tests/fixtures and from the folder of a run (`remixmatch train --steps 2 --out RUN`).

    fuzz/make_corpus.py RUN

Needs nothing but Python's own library.
"""
import gzip
import io
import json
import struct
import sys
import tarfile
import zipfile
from pathlib import Path

HERE = Path(__file__).parent
FIXTURES = HERE.parent / "tests/fixtures/data"
RUN = Path(sys.argv[1])


def put(target, name, content):
    path = HERE / "corpus" / target / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def idx(dimensions, content):
    return bytes([0, 0, 8, len(dimensions)]) + b"".join(struct.pack(">I", d) for d in dimensions) + content


def squeezed(content):
    return gzip.compress(content, mtime=0)


def tar(members):
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w", format=tarfile.GNU_FORMAT) as archive:
        for name, content in members:
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    # Two blocks of zeros end it; the rest of the record is left out.
    end = sum(512 + -(-len(content) // 512) * 512 for _, content in members)
    return file.getvalue()[: end + 1024]


def zipped(members, method):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as archive:
        for name, content in members:
            archive.writestr(zipfile.ZipInfo(name), content, method)
    return file.getvalue()


def npy(kind, shape, content):
    header = f"{{'descr': '{kind}', 'fortran_order': False, 'shape': {shape}, }}\n".encode()
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header + content


def element(kind, content):
    return struct.pack("<II", kind, len(content)) + content + bytes(-len(content) % 8)


def mat(variables):
    file = b"MATLAB 5.0 MAT-file".ljust(124) + b"\x00\x01IM"
    for name, kind, dimensions, content in variables:
        shape = b"".join(struct.pack("<i", d) for d in dimensions)
        parts = element(6, struct.pack("<II", 9, 0)) + element(5, shape) + element(1, name) + element(kind, content)
        file += element(14, parts)
    return file


ramp = bytes(range(256))
images = idx([6, 8, 8], (ramp * 2)[: 6 * 64])
labels = idx([6], bytes([0, 1, 0, 1, 0, 1]))
put("idx_images", "six", images)
put("idx_images", "one", idx([1, 8, 8], ramp[:64]))
put("idx_labels", "six", labels)
put("idx_gzip", "six", squeezed(images))
put("cifar_binary", "one", bytes([3]) + bytes(3072))
put("cifar_100_binary", "one", bytes([1, 0]) + bytes(3072))
put("cifar_names", "ten", "\n".join("abcdefghij").encode())
put("stl10_labels", "two", bytes([1, 2]))
put("stl10_folds", "ten", b"0 1\n1\n" + b"0\n" * 8)

with tarfile.open(FIXTURES / "cifar-10-python.tar.gz") as archive:
    for member in archive.getmembers():
        if member.name.endswith(("data_batch_1", "batches.meta")):
            put("cifar_pickle", Path(member.name).name, archive.extractfile(member).read()[:4096])
put("cifar_pickle", "shape", b"\x80\x02}(U\x06labels](K\x01K\x02eU\x04dataNu.")
put("cifar_pickle", "call", b"\x80\x02cnumpy\ndtype\nU\x02u1K\x00K\x01\x87R.")

pixels = (ramp * 2)[: 2 * 8 * 8 * 3]
put("mat", "two", mat([(b"X", 2, [8, 8, 3, 2], pixels), (b"y", 9, [2, 1], struct.pack("<dd", 1, 10))]))
put("mat", "squeezed", (FIXTURES / "svhn/extra_32x32.mat").read_bytes())
put("npy_images", "grey", npy("|u1", "(4, 8, 8)", ramp))
put("npy_images", "colour", npy("|u1", "(4, 3, 8, 8)", ramp * 3))
put("npy_labels", "four", npy("<i8", "(4, 1)", struct.pack("<4q", 0, 1, 0, 1)))
put("npy_labels", "great", npy(">u2", "(4,)", struct.pack(">4H", 0, 1, 0, 1)))
put("npz", "plain", (FIXTURES / "plain.npz").read_bytes())
arrays = [("x.npy", npy("|u1", "(4, 8, 8)", ramp)), ("y.npy", npy("|u1", "(4,)", bytes([0, 1, 0, 1])))]
put("npz", "stored", zipped(arrays, zipfile.ZIP_STORED))

members = [("m/train-images-idx3-ubyte", images), ("m/train-labels-idx1-ubyte", labels)]
put("tar", "idx", tar(members))
put("tar_gzip", "idx", squeezed(tar(members)))
put("zip", "pets", (FIXTURES / "pets.zip").read_bytes())
put("zip", "stored", zipped(members, zipfile.ZIP_STORED))
put("zip", "deflated", zipped(members, zipfile.ZIP_DEFLATED))

put("csv", "two", b"file,label\na.pgm,cat\nb/c.pgm,dog\nd.pgm,cat\ne.pgm,dog\n")
put("csv", "split", b'filename,class,split\n"a.pgm","a ""cat""",train\nb/c.pgm,dog,train\nd.pgm,dog,test\n')
for picture in ["bits.png", "palette.png", "grey16.png", "exif_6.webp", "exif_3.jpg"]:
    put("image", picture, (FIXTURES / "pictures" / picture).read_bytes())
put("image", "grey.pgm", b"P5 4 4 255\n0123456789abcdef")
put("image", "text.ppm", b"P3 2 1 255\n255 0 0 1 2 3\n")
header = struct.pack("<IiiHHIIiiII", 40, 2, 2, 1, 24, 0, 16, 0, 0, 0, 0)
put("image", "colour.bmp", b"BM" + struct.pack("<IHHI", 70, 0, 0, 54) + header + bytes(range(16)))
put("image", "dot.gif", b"GIF89a\x01\x00\x01\x00\x80\x00\x00\x00\x00\x00\xff\xff\xff,"
    b"\x00\x00\x00\x00\x01\x00\x01\x00\x00\x02\x02D\x01\x00;")
entries = [(256, 3, 2), (257, 3, 1), (258, 3, 8), (262, 3, 1), (273, 4, 98), (277, 3, 1), (278, 3, 1), (279, 4, 2)]
tiff = b"II*\x00" + struct.pack("<IH", 8, len(entries))
tiff += b"".join(struct.pack("<HHII", tag, kind, 1, value) for tag, kind, value in entries)
put("image", "grey.tiff", (tiff + bytes(4)).ljust(98, b"\0")[:98] + bytes([9, 200]))

# A checkpoint's metadata with its small tensors: those of the network are left out.
model = (RUN / "model.safetensors").read_bytes()
length = struct.unpack("<Q", model[:8])[0]
facts = json.loads(model[8 : 8 + length])
kept, content = {"__metadata__": facts["__metadata__"]}, b""
for name, tensor in facts.items():
    if name.startswith(("pending", "align.label")):
        begin, end = tensor["data_offsets"]
        kept[name] = tensor | {"data_offsets": [len(content), len(content) + end - begin]}
        content += model[8 + length + begin : 8 + length + end]
text = json.dumps(kept, separators=(",", ":")).encode()
text += b" " * (-len(text) % 8)
put("checkpoint", "small", struct.pack("<Q", len(text)) + text + content)
put("checkpoint", "empty", struct.pack("<Q", 2) + b"{}")
put("config", "run", (RUN / "config.toml").read_bytes())
put("config", "wrong", b'preset = "quick"\nsteps = -1\n')
put("address", "settings", b"preset=digits&data=builtin:fashion&seed=3&labels=50&method.mixup=false&train")
put("address", "lesson", b"lesson=anchoring&view=Anchors")
put("address", "escapes", b"compare=no%20alignment&data=a%2Fb+c&method.threshold=0.9&flip=true&method.policy=none")
