"""The Wide ResNet of src/nn/wide_resnet.rs without its rotation head, in PyTorch's modules."""

import math

from torch import nn
from torch.nn import functional

from convolution import Conv

SLOPE = 0.1
EPSILON = 1e-3
# Share of the new value, where ours counts that of the old one.
MOMENTUM = 1e-3
STEM_FILTERS = 16
# Filters of the first scale, blocks a scale, stride of the stem.
SHAPES = {"wrn-28-2": (32, 4, 1), "wrn-10-1": (16, 1, 2)}


class Activated(nn.BatchNorm2d):
    def __init__(self, channels):
        super().__init__(channels, eps=EPSILON, momentum=MOMENTUM)

    def forward(self, x):
        return functional.leaky_relu(super().forward(x), SLOPE)


class Block(nn.Module):
    def __init__(self, inputs, outputs, stride, size, activated):
        super().__init__()
        self.activated = activated
        self.norm1 = Activated(inputs)
        self.conv1 = Conv(inputs, outputs, 3, stride, size)
        self.norm2 = Activated(outputs)
        self.conv2 = Conv(outputs, outputs, 3, 1, math.ceil(size / stride))
        self.shortcut = Conv(inputs, outputs, 1, stride, size) if inputs != outputs else nn.Identity()

    def forward(self, x):
        a = self.norm1(x)
        shortcut = self.shortcut(a if self.activated else x)
        return shortcut + self.conv2(self.norm2(self.conv1(a)))


class WideResNet(nn.Module):
    def __init__(self, name, size, channels, classes):
        super().__init__()
        filters, repeat, stem_stride = SHAPES[name]
        scales = min(max(math.ceil(math.log2(size)) - 2, 1), 3)
        self.stem = Conv(channels, STEM_FILTERS, 3, stem_stride, size)
        size = math.ceil(size / stem_stride)
        inputs, blocks = STEM_FILTERS, []
        for scale in range(scales):
            outputs = filters << scale
            for place in range(repeat):
                stride = 2 if scale > 0 and place == 0 else 1
                # The very first shortcut takes the activated input.
                blocks.append(Block(inputs, outputs, stride, size, activated=not blocks))
                inputs, size = outputs, math.ceil(size / stride)
        self.blocks = nn.Sequential(*blocks)
        self.norm = Activated(inputs)
        self.classify = nn.Linear(inputs, classes)
        nn.init.normal_(self.classify.weight, std=math.sqrt(2 / (inputs + classes)))
        nn.init.zeros_(self.classify.bias)

    def forward(self, images):
        return self.classify(self.norm(self.blocks(self.stem(images))).mean((2, 3)))
