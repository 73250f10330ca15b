"""Trains the network on one batch: peer.py SETTING NETWORK BATCH SIZE CHANNELS CLASSES WARM_UP.

SETTING is eager or compiled, then any of -last for channels in the last place, -cuda for a GPU in f32 and -tf32 to let
its products round to TF32. Says in JSON what it is and its loss in
the first and the last step of the warm-up; then, for each number on standard input, takes so many steps and says how
long each took.
"""

import json
import os
import sys
import time

import torch
from torch.nn import functional

from efficientnet_lite import EfficientNetLite
from wide_resnet import WideResNet

RATE = 0.002


def print_json(**values):
    print(json.dumps(values), flush=True)


def main(setting, name, *sizes):
    batch, size, channels, classes, warm_up = map(int, sizes)
    torch.set_num_threads(os.cpu_count())
    torch.manual_seed(1)
    words = setting.split("-")
    device = "cuda" if "cuda" in words else "cpu"
    torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = "tf32" in words
    torch.backends.cudnn.benchmark = True
    family = EfficientNetLite if name.startswith("efficientnet-lite") else WideResNet
    network = family(name, size, channels, classes).train().to(device)
    images = torch.randn(batch, channels, size, size).to(device)
    labels = (torch.arange(batch) % classes).to(device)
    if "last" in words:
        network = network.to(memory_format=torch.channels_last)
        images = images.contiguous(memory_format=torch.channels_last)
    # One loop over all parameters' memory in place of a handful of operations for each.
    optimiser = torch.optim.Adam(network.parameters(), lr=RATE, betas=(0.9, 0.999), eps=1e-8, fused=True)
    forward = torch.compile(network) if "compiled" in words else network

    def steps(count):
        began = time.perf_counter()
        for _ in range(count):
            optimiser.zero_grad(set_to_none=True)
            loss = functional.cross_entropy(forward(images), labels)
            loss.backward()
            optimiser.step()
        # Waits for the GPU.
        loss = loss.item()
        return (time.perf_counter() - began) / count, loss

    _, first = steps(1)
    _, last = steps(warm_up - 1)
    print_json(
        adapter=torch.cuda.get_device_name() if device == "cuda" else f"the processor, {torch.get_num_threads()} threads",
        compiled_for=f"PyTorch {torch.__version__}, {setting}",
        parameters=sum(parameter.numel() for parameter in network.parameters()),
        loss=[first, last],
    )
    for line in sys.stdin:
        seconds, _ = steps(int(line))
        print_json(seconds_a_step=seconds)


main(*sys.argv[1:])
