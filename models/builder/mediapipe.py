"""Face detector (BlazeFace, short range) and face mesh of MediaPipe, from the files stored in its Python package.

Both are copied operator by operator: float16 constants become float32, a lone RELU joins the operator before it, sizes
follow from the size of the new input, and the outputs are put together into one. What the first convolution is
multiplied with lets the input be 0 to 255; an offset cannot be folded, because zeros are padded around the input.
"""

from tflite import NONE, RELU, Network, Stored


def detector(data, width, height):
    """BlazeFace for pictures of any size in whole multiples of 16; rows of 16 places and a logit, [1, rows, 17]."""
    if width % 16 or height % 16:
        raise ValueError(f"{width}x{height}: width and height must be multiples of 16")
    stored = Stored(data)
    network = Network(height, width)
    made = _copy(stored, network, scale=1 / 127.5)
    places, logits = (made[output] for output in stored.outputs)
    return network, network.concat([places, logits], axis=2)


def mesh(data):
    """The mesh at its own size: 468 points of x, y, z in pixels of the input, then the logit of a face, [1, 1405]."""
    stored = Stored(data)
    _, height, width, _ = stored.shape(stored.input)
    network = Network(height, width)
    made = _copy(stored, network, scale=1 / 255)
    flat = [network.reshape(made[output], [1, stored.shape(output)[-1]]) for output in stored.outputs]
    return network, network.concat(flat, axis=1)


def _copy(stored, network, scale):
    """Adds the operators of `stored`; which new tensor stands for which stored one."""
    made = {stored.input: network.input}
    joined = _joined(stored)
    for name, inputs, output, options in stored.operators:
        if name == "RELU":
            if output not in joined.values():
                raise ValueError("a RELU stands where no operator can take it in")
            made[output] = made[inputs[0]]
            continue
        activation = RELU if output in joined else NONE
        x = made[inputs[0]]
        match name:
            case "CONV_2D" | "DEPTHWISE_CONV_2D":
                filters, bias = (stored.constants[i] for i in inputs[1:3])
                if inputs[0] == stored.input:
                    filters = (filters.astype("f8") * scale).astype("f4")
                add = network.conv if name == "CONV_2D" else network.depthwise
                made[output] = add(x, filters, bias, options.strideH, options.padding, activation)
            case "MAX_POOL_2D":
                sizes = options.filterHeight, options.filterWidth
                made[output] = network.max_pool(x, *sizes, options.strideH, options.padding)
            case "ADD":
                made[output] = network.add(x, made[inputs[1]], activation)
            case "PRELU":
                made[output] = network.prelu(x, stored.constants[inputs[1]])
            case "PAD":
                made[output] = network.pad(x, stored.constants[inputs[1]])
            case "RESHAPE":
                # [1, places, values]: as many places as the new size has.
                values = stored.shape(output)[-1]
                _, h, w, channels = network.shape(x)
                made[output] = network.reshape(x, [1, h * w * channels // values, values])
            case "CONCATENATION":
                made[output] = network.concat([made[i] for i in inputs], options.axis)
            case _:
                raise ValueError(f"operator {name} is not known here")
    return made


def _joined(stored):
    """For each tensor that only a RELU reads and whose operator can take it in: what the RELU makes of it."""
    able = {output for name, _, output, _ in stored.operators if name in ("CONV_2D", "DEPTHWISE_CONV_2D", "ADD")}
    return {
        inputs[0]: output
        for name, inputs, output, _ in stored.operators
        if name == "RELU" and inputs[0] in able and stored.users(inputs[0]) == 1
    }
