"""TFLite files: what a stored one says, and a new one made of plain float32 operators of version 1.

Such files run in every TensorFlow Lite since 1.15. Sizes are of single pictures, NHWC. Nothing here depends on the
machine, so the same network is the same bytes everywhere.
"""

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema

SAME, VALID = schema.Padding.SAME, schema.Padding.VALID
NONE, RELU = schema.ActivationFunctionType.NONE, schema.ActivationFunctionType.RELU
FLOAT, INT = schema.TensorType.FLOAT32, schema.TensorType.INT32

_OPERATORS = {code: name for name, code in vars(schema.BuiltinOperator).items() if isinstance(code, int)}


class Stored:
    """A stored network with one input, its constants widened to float32."""

    def __init__(self, data):
        model = schema.ModelT.InitFromPackedBuf(data, 0)
        if len(model.subgraphs) != 1:
            raise ValueError(f"the file has {len(model.subgraphs)} graphs, one is expected")
        graph = model.subgraphs[0]
        self._tensors = graph.tensors
        self.input, self.outputs = graph.inputs[0], list(graph.outputs)
        self.constants = {}
        for index, tensor in enumerate(graph.tensors):
            raw = model.buffers[tensor.buffer].data
            if raw is not None:
                kind = {schema.TensorType.FLOAT16: np.float16, FLOAT: np.float32, INT: np.int32}[tensor.type]
                values = np.frombuffer(bytes(raw), np.dtype(kind).newbyteorder("<")).reshape(tensor.shape)
                self.constants[index] = values if tensor.type == INT else values.astype(np.float32)
        self.operators = []
        for operator in graph.operators:
            code = model.operatorCodes[operator.opcodeIndex]
            name = _OPERATORS[max(code.builtinCode, code.deprecatedBuiltinCode)]
            if name == "DEQUANTIZE":
                self.constants[operator.outputs[0]] = self.constants[operator.inputs[0]]
            else:
                self.operators.append((name, list(operator.inputs), operator.outputs[0], operator.builtinOptions))

    def shape(self, tensor):
        """Sizes of a tensor as stored."""
        return [int(size) for size in self._tensors[tensor].shape]

    def users(self, tensor):
        """How many operators read a tensor, being an output of the network included."""
        return sum(tensor in inputs for _, inputs, _, _ in self.operators) + (tensor in self.outputs)


class Network:
    """A network under construction; its methods add an operator each and return the tensor it makes."""

    def __init__(self, height, width, channels=3):
        self._model = schema.ModelT()
        self._model.version = 3
        self._model.description = b"face model of an access terminal, float32"
        self._model.buffers = [_Buffer()]  # By the format's rule the first one is empty.
        self._model.operatorCodes = []
        self._graph = schema.SubGraphT()
        self._graph.name, self._graph.tensors, self._graph.operators = b"main", [], []
        self._codes = {}
        self.macs = 0
        self.input = self._tensor([1, height, width, channels], name="input")

    def shape(self, tensor):
        """Sizes of a tensor."""
        return list(self._graph.tensors[tensor].shape)

    def conv(self, x, filters, bias, stride, padding, activation=NONE):
        """Convolution with `filters` [out, height, width, in]."""
        options = schema.Conv2DOptionsT()
        out, height, width, depth = filters.shape
        if self.shape(x)[3] != depth:
            raise ValueError(f"filters for {depth} channels meet {self.shape(x)[3]}")
        shape = self._slide(options, x, height, width, stride, padding) + [out]
        self.macs += int(np.prod(shape)) * height * width * depth
        options.dilationWFactor = options.dilationHFactor = 1
        options.fusedActivationFunction = activation
        return self._add("CONV_2D", [x, self._floats(filters), self._floats(bias)], shape, options)

    def depthwise(self, x, filters, bias, stride, padding, activation=NONE):
        """Convolution of each channel by itself, `filters` [1, height, width, channels]."""
        options = schema.DepthwiseConv2DOptionsT()
        _, height, width, depth = filters.shape
        shape = self._slide(options, x, height, width, stride, padding) + [depth]
        self.macs += int(np.prod(shape)) * height * width
        options.dilationWFactor = options.dilationHFactor = options.depthMultiplier = 1
        options.fusedActivationFunction = activation
        return self._add("DEPTHWISE_CONV_2D", [x, self._floats(filters), self._floats(bias)], shape, options)

    def max_pool(self, x, height, width, stride, padding):
        """The largest value under a window."""
        return self._pool("MAX_POOL_2D", x, height, width, stride, padding)

    def average_pool(self, x, height, width, stride, padding):
        """The mean of the values under a window."""
        return self._pool("AVERAGE_POOL_2D", x, height, width, stride, padding)

    def add(self, a, b, activation=NONE):
        """Sum of two tensors of one shape."""
        if self.shape(a) != self.shape(b):
            raise ValueError(f"a sum of {self.shape(a)} and {self.shape(b)}")
        options = schema.AddOptionsT()
        options.fusedActivationFunction = activation
        return self._add("ADD", [a, b], self.shape(a), options)

    def prelu(self, x, slopes):
        """Negative values times a slope for each channel, `slopes` [1, 1, channels]."""
        return self._add("PRELU", [x, self._floats(slopes)], self.shape(x))

    def pad(self, x, widths):
        """Zeros around, `widths` [4, 2] before and after each axis."""
        shape = [size + int(before) + int(after) for size, (before, after) in zip(self.shape(x), widths)]
        options = schema.PadOptionsT()
        return self._add("PAD", [x, self._constant(np.asarray(widths, "<i4"), INT)], shape, options)

    def reshape(self, x, shape):
        """The same values with other sizes."""
        if int(np.prod(shape)) != int(np.prod(self.shape(x))):
            raise ValueError(f"{self.shape(x)} cannot become {shape}")
        options = schema.ReshapeOptionsT()
        options.newShape = np.asarray(shape, "<i4")
        return self._add("RESHAPE", [x, self._constant(options.newShape, INT)], shape, options)

    def concat(self, parts, axis):
        """Tensors one after the other."""
        shape = self.shape(parts[0])
        shape[axis] = sum(self.shape(part)[axis] for part in parts)
        options = schema.ConcatenationOptionsT()
        options.axis = axis
        return self._add("CONCATENATION", list(parts), shape, options)

    def dense(self, x, weights, bias):
        """Full connection with `weights` [out, in]."""
        self.macs += weights.size
        options = schema.FullyConnectedOptionsT()
        return self._add(
            "FULLY_CONNECTED", [x, self._floats(weights), self._floats(bias)], [1, weights.shape[0]], options
        )

    def finish(self, output):
        """The file's bytes, `output` being the only output."""
        self._graph.tensors[output].name = b"output"
        self._graph.inputs, self._graph.outputs = [self.input], [output]
        self._model.subgraphs = [self._graph]
        builder = flatbuffers.Builder(1 << 20)
        builder.Finish(self._model.Pack(builder), file_identifier=b"TFL3")
        return bytes(builder.Output())

    def _slide(self, options, x, height, width, stride, padding):
        """Fills in how a window moves; the sizes it leaves, without the channels."""
        options.padding, options.strideH, options.strideW = padding, stride, stride
        sizes = zip(self.shape(x)[1:3], (height, width))
        return [1] + [-(-size // stride) if padding == SAME else (size - over) // stride + 1 for size, over in sizes]

    def _pool(self, name, x, height, width, stride, padding):
        options = schema.Pool2DOptionsT()
        options.filterHeight, options.filterWidth = height, width
        shape = self._slide(options, x, height, width, stride, padding) + [self.shape(x)[3]]
        return self._add(name, [x], shape, options)

    def _add(self, name, inputs, shape, options=None):
        if name not in self._codes:
            code = schema.OperatorCodeT()
            code.builtinCode = code.deprecatedBuiltinCode = getattr(schema.BuiltinOperator, name)
            code.version = 1
            self._codes[name] = len(self._model.operatorCodes)
            self._model.operatorCodes.append(code)
        operator = schema.OperatorT()
        operator.opcodeIndex, operator.inputs = self._codes[name], inputs
        if options is not None:
            kind = type(options).__name__.removesuffix("T")
            operator.builtinOptions, operator.builtinOptionsType = options, getattr(schema.BuiltinOptions, kind)
        output = self._tensor(shape)
        operator.outputs = [output]
        self._graph.operators.append(operator)
        return output

    def _floats(self, values):
        return self._constant(np.ascontiguousarray(values, "<f4"), FLOAT)

    def _constant(self, values, kind):
        buffer = _Buffer()
        buffer.data = np.frombuffer(values.tobytes(), np.uint8)
        self._model.buffers.append(buffer)
        return self._tensor(values.shape, kind, len(self._model.buffers) - 1)

    def _tensor(self, shape, kind=FLOAT, buffer=0, name=None):
        tensor = schema.TensorT()
        tensor.shape, tensor.type, tensor.buffer = [int(size) for size in shape], kind, buffer
        tensor.name = (name or f"t{len(self._graph.tensors)}").encode()
        self._graph.tensors.append(tensor)
        return len(self._graph.tensors) - 1


class _Buffer(schema.BufferT):
    """Constants begin at multiples of 16 bytes of the file: the format asks for it, the generated code does not."""

    def Pack(self, builder):
        data = None
        if self.data is not None:
            builder.StartVector(1, len(self.data), 16)
            builder.head -= len(self.data)
            builder.Bytes[builder.head : builder.head + len(self.data)] = self.data.tobytes()
            data = builder.EndVector()
        schema.BufferStart(builder)
        if data is not None:
            schema.BufferAddData(builder, data)
        return schema.BufferEnd(builder)
