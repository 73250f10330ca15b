"""The EfficientNet-Lite0 of src/nn/efficientnet_lite.rs without its rotation head, in PyTorch's modules."""

import math

from torch import nn

from convolution import Conv

EPSILON = 1e-3
# Share of the new value, where ours counts that of the old one.
MOMENTUM = 1e-3
STEM_FILTERS = 32
FEATURES = 1280
# Expansion, filters, blocks, stride, side of the depthwise filters of each stage.
STAGES = (
    (1, 16, 1, 1, 3),
    (6, 24, 2, 2, 3),
    (6, 40, 2, 2, 5),
    (6, 80, 3, 2, 3),
    (6, 112, 3, 1, 5),
    (6, 192, 4, 2, 5),
    (6, 320, 1, 1, 3),
)


def unit(inputs, outputs, kernel, stride, size, groups=1, activated=True):
    layers = [
        Conv(inputs, outputs, kernel, stride, size, groups=groups, bias=False),
        nn.BatchNorm2d(outputs, eps=EPSILON, momentum=MOMENTUM),
    ]
    return nn.Sequential(*layers, nn.ReLU6()) if activated else nn.Sequential(*layers)


class Block(nn.Module):
    def __init__(self, expand, inputs, outputs, kernel, stride, size):
        super().__init__()
        expanded = inputs * expand
        units = [unit(inputs, expanded, 1, 1, size)] if expand > 1 else []
        units.append(unit(expanded, expanded, kernel, stride, size, groups=expanded))
        units.append(unit(expanded, outputs, 1, 1, math.ceil(size / stride), activated=False))
        self.units = nn.Sequential(*units)
        self.residual = stride == 1 and inputs == outputs

    def forward(self, x):
        return self.units(x) + x if self.residual else self.units(x)


class EfficientNetLite(nn.Module):
    def __init__(self, _name, size, channels, classes):
        super().__init__()
        layers = [unit(channels, STEM_FILTERS, 3, 2, size)]
        inputs, size = STEM_FILTERS, math.ceil(size / 2)
        for expand, outputs, blocks, first_stride, kernel in STAGES:
            for place in range(blocks):
                stride = first_stride if place == 0 else 1
                layers.append(Block(expand, inputs, outputs, kernel, stride, size))
                inputs, size = outputs, math.ceil(size / stride)
        layers.append(unit(inputs, FEATURES, 1, 1, size))
        self.layers = nn.Sequential(*layers)
        self.classify = nn.Linear(FEATURES, classes)
        nn.init.normal_(self.classify.weight, std=math.sqrt(2 / (FEATURES + classes)))
        nn.init.zeros_(self.classify.bias)

    def forward(self, images):
        return self.classify(self.layers(images).mean((2, 3)))
