"""Whether the networks compute what they should: against known outputs, the stored networks, and plain arithmetic."""

import json

import numpy as np
from ai_edge_litert.interpreter import Interpreter

import dlib
import mediapipe

TOLERANCE = 1e-3
"""Largest difference, in units of the output; engines differ by 2e-4 among themselves."""


class Wrong(Exception):
    """A network computes something else than it should."""


def run(network, picture):
    """Outputs of a network for a picture, as one row of numbers each."""
    interpreter = Interpreter(model_content=network, num_threads=1)
    interpreter.allocate_tensors()
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], picture)
    interpreter.invoke()
    return [interpreter.get_tensor(output["index"]).copy() for output in interpreter.get_output_details()]


def pattern(shape):
    """The input that known outputs belong to."""
    return ((np.arange(np.prod(shape)) * 37) % 256).astype("f4").reshape(shape)


def noise(shape):
    """Values 0 to 255 by a fixed rule (a linear congruence), so that every machine has the same."""
    numbers = np.arange(np.prod(shape), dtype="u8") * np.uint64(6364136223846793005)
    return (numbers >> np.uint64(33)).astype("u1").astype("f4").reshape(shape)


def known(path, files):
    """Compares each network with its entry of the file of known outputs; the largest difference by file."""
    entries = json.loads(path.read_text())["models"]
    if entries.keys() != files.keys():
        raise Wrong(f"{path.name} knows {', '.join(entries)}; made were {', '.join(files)}")
    return {name: _same(name, _summary(files[name]), entries[name]) for name in files}


def stored(detector, mesh):
    """Compares what the stored networks of MediaPipe compute with what is made of them; the largest differences."""
    differences = {}
    for name, data, made, scale, offset in (
        ("detector", detector, mediapipe.detector(detector, 128, 128), 1 / 127.5, 127.5),
        ("mesh", mesh, mediapipe.mesh(mesh), 1 / 255, 0),
    ):
        network, output = made
        worst = 0.0
        for picture in (pattern, noise):
            given = picture(network.shape(network.input)) - np.float32(offset)
            found = run(network.finish(output), given)[0]
            rows = found.size // found.shape[-1]
            wanted = [part.reshape(rows, -1) for part in run(data, given * np.float32(scale))]
            worst = max(worst, _difference(name, found.reshape(rows, -1), np.concatenate(wanted, axis=1)))
        differences[name] = worst
    return differences


def arithmetic(manifest, weights, network):
    """Compares the recognition network with its definition computed in float64, nothing folded; the difference."""
    picture = pattern([1, dlib.SIDE, dlib.SIDE, 3])
    wanted = dlib.reference(dlib.weights(manifest, weights), picture[0].astype("f8"))
    return _difference("recognition", run(network, picture)[0][0], wanted)


def describe(files):
    """The text of a file of known outputs, made by running the networks."""
    rule = "flat index i (N,H,W,C row-major): float((i*37) mod 256); no mean subtracted"
    models = [
        f"  {json.dumps(name)}: {{\n"
        + ",\n".join(f"   {json.dumps(key)}: {json.dumps(value)}" for key, value in _summary(data).items())
        + "\n  }"
        for name, data in files.items()
    ]
    head = f' "input": {json.dumps(rule)},\n "tolerance": "{TOLERANCE} absolute",\n'
    return f"{{\n{head} \"models\": {{\n" + ",\n".join(models) + "\n }\n}\n"


def _summary(data):
    """Short outputs are known whole, long ones by their first, middle and last row and their sum."""
    interpreter = Interpreter(model_content=data)
    shape = [int(size) for size in interpreter.get_input_details()[0]["shape"]]
    output = run(data, pattern(shape))[0]
    summary = {"input_shape": shape, "output_shape": list(output.shape), "sum": round(float(output.sum(dtype="f8")), 3)}
    digits = [[round(float(value), 6) for value in row] for row in output.reshape(-1, output.shape[-1])]
    if len(digits) == 1:
        return summary | {"output": digits[0]}
    return summary | {"rows_first_middle_last": [digits[0], digits[len(digits) // 2], digits[-1]]}


def _same(name, found, wanted):
    for key in ("input_shape", "output_shape"):
        if found[key] != wanted[key]:
            raise Wrong(f"{name}: {key} is {found[key]}, wanted is {wanted[key]}")
    if abs(found["sum"] - wanted["sum"]) > 1:
        raise Wrong(f"{name}: the sum is {found['sum']}, wanted is {wanted['sum']}")
    key = "output" if "output" in wanted else "rows_first_middle_last"
    return _difference(name, np.array(found[key]), np.array(wanted[key]))


def _difference(name, found, wanted):
    worst = float(np.abs(found - wanted).max())
    if not worst <= TOLERANCE:
        raise Wrong(f"{name}: off by {worst}, at most {TOLERANCE} is right")
    return worst
