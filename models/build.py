#!/usr/bin/env python3
"""Builds the model pack that needs nothing but public packages: `models/build`, as `models/README.md` describes.

Needs Python 3.11 to 3.14 with venv, and npm. What was fetched is kept in the cache folder. A second call compares what
is there with what was made and ends at once.
"""

import argparse
import hashlib
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

if not (3, 11) <= sys.version_info[:2] <= (3, 14):
    sys.exit(f"models: {sys.executable} is Python {sys.version.split()[0]}, wanted is 3.11 to 3.14")
import tomllib

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE / "builder"))

import fetch

PACK = "blazeface-dlib"
# What was made, by which builder: `sha256sum -c` reads it too.
MADE_BY = "made.sha256"
LICENCES = {
    "mediapipe.txt": (fetch.MEDIAPIPE, "mediapipe-0.10.21.dist-info/LICENSE"),
    "face-api.txt": (fetch.FACE_API, "package/LICENSE"),
    "ai-edge-litert.txt": (fetch.ENGINES["x86_64"], "ai_edge_litert-2.3.0.dist-info/licenses/LICENSE"),
    "face_recognition.txt": (fetch.PHOTOS, "face_recognition-1.3.0/LICENSE"),
}
STARTED = time.monotonic()


def main():
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--out", type=Path, default=HERE / "build", help="where the pack goes")
    options.add_argument("--cache", type=Path, default=default_cache(), help="where fetched packages are kept")
    options.add_argument("--update", action="store_true", help="write the sha256 of changed networks where it belongs")
    args = options.parse_args()
    if not args.update and complete(args.out):
        return
    build(args.out.resolve(), args.cache.resolve(), args.update)


def build(out, cache, update):
    step("the converter's Python packages")
    python = fetch.python(cache, HERE / "builder" / "requirements.txt")
    packages = {}
    for wanted in (fetch.MEDIAPIPE, fetch.FACE_API, fetch.PHOTOS, *fetch.ENGINES.values()):
        step(f"{wanted.name} {wanted.version} ({wanted.source})")
        packages[wanted] = fetch.package(cache, python, wanted)

    # All or nothing: what is half made has another name.
    half = out.with_name(out.name + ".half")
    shutil.rmtree(half, ignore_errors=True)
    half.mkdir(parents=True)
    step("networks, checked against known outputs; photos")
    sources = [packages[p] for p in (fetch.MEDIAPIPE, fetch.FACE_API, fetch.PHOTOS)]
    golden = HERE / f"{PACK}.golden.json"
    command = [python, HERE / "builder" / "convert.py", half, golden, *sources]
    if subprocess.run(command, check=False).returncode != 0:
        raise fetch.Failed("the networks could not be made, see above")
    shutil.copy(golden, half / "golden.json")
    for processor, wheel in fetch.ENGINES.items():
        put(half / processor / "libLiteRt.so", fetch.member(packages[wheel], "ai_edge_litert/libLiteRt.so"))
    for name, (package, member) in LICENCES.items():
        put(half / "licences" / name, fetch.member(packages[package], member))
    description = HERE / f"{PACK}.toml"
    if update:
        write_hashes(description, half)
    shutil.copy(description, half)
    compare(half)
    made = sorted(file for file in half.rglob("*") if file.is_file())
    lines = [f"{fetch.sha256(file)}  {file.relative_to(half)}" for file in made]
    (half / MADE_BY).write_text("\n".join([f"# {builder()}", *lines, ""]))
    shutil.rmtree(out, ignore_errors=True)
    half.rename(out)
    step(f"done: {out}")


def described(description):
    """File names and sha256 of a pack, from wherever they stand in its description."""
    found, tables = {}, [tomllib.loads(description.read_text())]
    while tables:
        table = tables.pop()
        if "file" in table and "sha256" in table:
            found[table["file"]] = table["sha256"]
        for value in table.values():
            tables += [value] if isinstance(value, dict) else []
            tables += [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []
    return found


def complete(out):
    """Whether all that is made is there, made by this very builder."""
    try:
        head, *lines = (out / MADE_BY).read_text().splitlines()
        files = [line.split("  ", 1) for line in lines]
        return head == f"# {builder()}" and all(fetch.sha256(out / name) == sha256 for sha256, name in files)
    except (OSError, ValueError):
        return False


def builder():
    """A digest of all that decides what is made."""
    files = [Path(__file__), *sorted((HERE / "builder").glob("*.*")), *sorted(HERE.glob(f"{PACK}.*"))]
    return hashlib.sha256("".join(fetch.sha256(file) for file in files).encode()).hexdigest()


def compare(folder):
    for name, sha256 in described(HERE / f"{PACK}.toml").items():
        found = fetch.sha256(folder / name)
        if found != sha256:
            raise fetch.Failed(
                f"{folder / name}: sha256 is {found}, {PACK}.toml says {sha256}: this machine makes another file. "
                "A changed builder needs `models/build.py --update`; otherwise do not use it, and report it"
            )


def write_hashes(description, folder):
    text = description.read_text()
    for name in described(description):
        pair = rf'(file = "{re.escape(name)}"\nsha256 = )"[0-9a-f]*"'
        text = re.sub(pair, rf'\g<1>"{fetch.sha256(folder / name)}"', text)
    description.write_text(text)


def put(path, data):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


def step(what):
    print(f"models: {time.monotonic() - STARTED:4.0f} s  {what}", flush=True)


def default_cache():
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "facegate" / "models"


if __name__ == "__main__":
    try:
        main()
    except fetch.Failed as failed:
        sys.exit(f"models: {failed}")
