"""Makes the networks and photos of the pack; run by `models/build.py` in its own Python.

    convert.py OUT GOLDEN MEDIAPIPE FACE_API FACE_RECOGNITION      folder, known outputs, three packages
"""

import sys
from pathlib import Path

import check
import dlib
import fetch
import mediapipe
import photos

MODULES = "mediapipe/modules"


def main(out, golden, mediapipe_wheel, face_api, face_recognition):
    detector = fetch.member(mediapipe_wheel, f"{MODULES}/face_detection/face_detection_short_range.tflite")
    mesh = fetch.member(mediapipe_wheel, f"{MODULES}/face_landmark/face_landmark.tflite")
    manifest = fetch.member(face_api, "package/model/face_recognition_model-weights_manifest.json")
    weights = fetch.member(face_api, "package/model/face_recognition_model.bin")
    files = {
        "blazeface_short_192x256.tflite": mediapipe.detector(detector, 192, 256),
        "facemesh_192.tflite": mediapipe.mesh(mesh),
        "dlib_resnet_150.tflite": dlib.network(manifest, weights),
    }
    products = {name: network.macs / 1e6 for name, (network, _) in files.items()}
    files = {name: network.finish(output) for name, (network, output) in files.items()}
    for name, data in files.items():
        (out / name).write_bytes(data)
    if not golden.exists():
        golden.write_text(check.describe(files))
        print(f"  {golden.name} was not there: written anew, compare it with another source")
    for name, off in check.known(golden, files).items():
        print(f"  {name}: {len(files[name])} bytes, {products[name]:.1f} M products, {off:.1e} off what is known")
    for name, off in check.stored(detector, mesh).items():
        print(f"  {name}: {off:.1e} off the stored network")
    off = check.arithmetic(manifest, weights, files["dlib_resnet_150.tflite"])
    print(f"  recognition: {off:.1e} off its definition in float64")
    print(f"  photos: {photos.write(out / 'faces', face_recognition, face_api)}")


if __name__ == "__main__":
    try:
        main(*map(Path, sys.argv[1:]))
    except (check.Wrong, fetch.Failed, ValueError) as wrong:
        sys.exit(f"  {wrong}")
