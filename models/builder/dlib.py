"""Face recognition network of dlib, from the weights that face-api keeps, most as bytes with a scale, some as float32.

29 convolutions, each followed by a factor and an addend for every channel, which are folded into it.
"""

import json

import numpy as np
from tflite import NONE, RELU, SAME, VALID, Network

SIDE = 150
"""Side of the picture it is made for, pixels."""

BLOCKS = """
conv32_1 conv32_2 conv32_3
conv64_down conv64_1 conv64_2 conv64_3
conv128_down conv128_1 conv128_2
conv256_down conv256_1 conv256_2 conv256_down_out
""".split()
"""After the first convolution, in order; `down` halves the sizes."""


def weights(manifest, data):
    """The weights by name; `manifest` says in which order and with which scale they lie in `data`."""
    found, at = {}, 0
    for entry in json.loads(manifest)[0]["weights"]:
        kept = entry.get("quantization", {"dtype": entry["dtype"], "scale": 1, "min": 0})
        if kept["dtype"] not in ("uint8", "float32"):
            raise ValueError(f"{entry['name']}: {kept['dtype']} is not known here")
        kind = np.dtype(kept["dtype"]).newbyteorder("<")
        count = int(np.prod(entry["shape"]))
        values = np.frombuffer(data, kind, count, at).astype("f8") * kept["scale"] + kept["min"]
        found[entry["name"]] = values.reshape(entry["shape"])
        at += count * kind.itemsize
    if at != len(data):
        raise ValueError(f"{len(data) - at} bytes of weights are left over")
    return found


def network(manifest, data):
    """From a picture of `SIDE` x `SIDE`, 0 to 255 less the mean, to the 128 numbers of a face, [1, 128]."""
    kept = weights(manifest, data)
    net = Network(SIDE, SIDE)

    def layer(x, name, stride, padding, activation, factor=1.0):
        filters, bias = kept[f"{name}/conv/filters"] * factor, kept[f"{name}/conv/bias"]
        scale, shift = kept[f"{name}/scale/weights"], kept[f"{name}/scale/biases"]
        filters = np.transpose(filters * scale, (3, 0, 1, 2))
        return net.conv(x, filters, bias * scale + shift, stride, padding, activation)

    def residual(x, name):
        y = layer(x, f"{name}/conv1", 1, SAME, RELU)
        return net.add(x, layer(y, f"{name}/conv2", 1, SAME, NONE), RELU)

    def halved(x, name):
        y = layer(x, f"{name}/conv1", 2, VALID, RELU)
        y = layer(y, f"{name}/conv2", 1, SAME, NONE)
        short = net.average_pool(x, 2, 2, 2, VALID)
        (_, size, _, depth), (_, wanted, _, had) = net.shape(y), net.shape(short)
        if size < wanted:
            y = net.pad(y, [(0, 0), (0, wanted - size), (0, wanted - size), (0, 0)])
        if had < depth:
            short = net.pad(short, [(0, 0), (0, 0), (0, 0), (0, depth - had)])
        return net.add(short, y, RELU)

    # The original takes 0 to 1.
    x = layer(net.input, "conv32_down", 2, VALID, RELU, factor=1 / 255)
    x = net.max_pool(x, 3, 3, 2, VALID)
    for name in BLOCKS:
        x = halved(x, name) if "down" in name else residual(x, name)
    _, height, width, depth = net.shape(x)
    x = net.reshape(net.average_pool(x, height, width, 1, VALID), [1, depth])
    return net, net.dense(x, kept["fc"].T, np.zeros(kept["fc"].shape[1]))


def reference(kept, picture):
    """The same in plain float64 arithmetic, nothing folded: what `network` is checked with."""

    def windows(x, size, stride):
        view = np.lib.stride_tricks.sliding_window_view(x, (size, size), axis=(0, 1))
        return view[::stride, ::stride]

    def layer(x, name, stride, around):
        filters = kept[f"{name}/conv/filters"]
        x = np.pad(x, [(around, around), (around, around), (0, 0)])
        y = np.einsum("ijchw,hwco->ijo", windows(x, filters.shape[0], stride), filters, optimize=True)
        y += kept[f"{name}/conv/bias"]
        return y * kept[f"{name}/scale/weights"] + kept[f"{name}/scale/biases"]

    def block(x, name):
        down = "down" in name
        y = np.maximum(layer(x, f"{name}/conv1", 2 if down else 1, 0 if down else 1), 0)
        y = layer(y, f"{name}/conv2", 1, 1)
        short = windows(x, 2, 2).mean(axis=(3, 4)) if down else x
        sizes = [max(a, b) for a, b in zip(y.shape, short.shape)]
        y, short = (np.pad(v, [(0, size - had) for size, had in zip(sizes, v.shape)]) for v in (y, short))
        return np.maximum(y + short, 0)

    x = np.maximum(layer(picture / 255, "conv32_down", 2, 0), 0)
    x = windows(x, 3, 2).max(axis=(3, 4))
    for name in BLOCKS:
        x = block(x, name)
    return x.mean(axis=(0, 1)) @ kept["fc"]
