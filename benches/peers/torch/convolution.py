"""A convolution that pads as TensorFlow does."""

import math

from torch import nn
from torch.nn import functional


class Conv(nn.Conv2d):
    """With TensorFlow's SAME padding: the odd pixel comes after the last."""

    def __init__(self, inputs, outputs, kernel, stride, size, groups=1, bias=True):
        total = max((math.ceil(size / stride) - 1) * stride + kernel - size, 0)
        before, after = total // 2, total - total // 2
        padding = before if before == after else 0
        super().__init__(inputs, outputs, kernel, stride, padding=padding, groups=groups, bias=bias)
        self.uneven = None if before == after else (before, after, before, after)
        nn.init.normal_(self.weight, std=math.sqrt(2 * groups / (kernel * kernel * outputs)))
        if bias:
            nn.init.zeros_(self.bias)

    def forward(self, x):
        return super().forward(x if self.uneven is None else functional.pad(x, self.uneven))
