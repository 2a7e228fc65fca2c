"""The pinned packages everything is made of, fetched by pip and npm, each file compared with its sha256.

Nothing of them is run except what `requirements.txt` lists and, by pip, the `setup.py` of the package of photos.
"""

import hashlib
import subprocess
import sys
import tarfile
import venv
import zipfile
from pathlib import Path
from typing import NamedTuple


class Package(NamedTuple):
    """One file of a registry."""

    name: str
    version: str
    file: str
    sha256: str
    source: str
    """"npm", "sdist", or for a wheel the platform it is for."""


MEDIAPIPE = Package(
    "mediapipe",
    "0.10.21",
    "mediapipe-0.10.21-cp311-cp311-manylinux_2_28_x86_64.whl",
    "05dc4a9e593655a79558d05d6227d31018c2537a4bd3362b51e230cf22aecfe3",
    "manylinux_2_28_x86_64",
)
FACE_API = Package(
    "@vladmandic/face-api",
    "1.7.15",
    "vladmandic-face-api-1.7.15.tgz",
    "0d77fffeef362ef9c0939cf6c567f3a2e8e177f114fa257a3270cbd2e509b031",
    "npm",
)
PHOTOS = Package(
    "face_recognition",
    "1.3.0",
    "face_recognition-1.3.0.tar.gz",
    "5e5efdd1686aa566af0d3cc1313b131e4b197657a8ffd03669e6d3fad92705ec",
    "sdist",
)
ENGINES = {
    "x86_64": Package(
        "ai-edge-litert",
        "2.3.0",
        "ai_edge_litert-2.3.0-cp311-cp311-manylinux_2_27_x86_64.whl",
        "1f15078a6725d2357d9de9221664c29afa0545d807559c5f7199ce5e40b96b23",
        "manylinux_2_27_x86_64",
    ),
    "aarch64": Package(
        "ai-edge-litert",
        "2.3.0",
        "ai_edge_litert-2.3.0-cp311-cp311-manylinux_2_27_aarch64.whl",
        "853fc608f96da87bd5f3458465dfb9abbf18d5ae6b94eceacead407146f175ae",
        "manylinux_2_27_aarch64",
    ),
}
"""Where the engine's library comes from, by processor as the program names it."""


class Failed(Exception):
    """What went wrong and what to do, for people."""


def sha256(path):
    """Lower-case hexadecimal."""
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()


def python(cache, requirements):
    """The Python of a virtual environment with exactly what `requirements` lists, made when it is not there."""
    wanted = hashlib.sha256(Path(requirements).read_bytes()).hexdigest()[:12]
    home = cache / f"python-{sys.version_info.major}.{sys.version_info.minor}-{wanted}"
    path = home / "bin" / "python"
    if not ((home / "complete").exists() and path.exists()):
        try:
            venv.create(home, with_pip=True, clear=True)
        except subprocess.CalledProcessError as error:
            raise Failed(f"no virtual environment can be made: {error}; install python3-venv") from error
        options = ["--require-hashes", "--only-binary", ":all:", "--no-deps", "-r", str(requirements)]
        _run([str(path), "-m", "pip", "install", "--quiet", *options], "the converter's own packages")
        (home / "complete").touch()
    return path


def package(cache, python, wanted):
    """The file of a package, from the cache or its registry; a file with another sha256 is removed and refused."""
    path = cache / wanted.file
    if path.exists() and sha256(path) != wanted.sha256:
        path.unlink()  # Of a fetch that was broken off.
    if not path.exists():
        cache.mkdir(parents=True, exist_ok=True)
        if wanted.source == "npm":
            command = ["npm", "pack", "--silent", f"{wanted.name}@{wanted.version}"]
        else:
            command = [str(python), "-m", "pip", "download", "--quiet", "--no-deps", "--dest", "."]
            if wanted.source == "sdist":
                command += ["--no-binary", ":all:", "--no-build-isolation", *_hashed(cache, wanted)]
            else:
                tags = ["--python-version", "3.11", "--implementation", "cp", "--abi", "cp311"]
                command += ["--only-binary", ":all:", *tags, "--platform", wanted.source]
                command += [f"{wanted.name}=={wanted.version}"]
        _run(command, f"{wanted.name} {wanted.version}", cwd=cache)
    if not path.exists():
        raise Failed(f"{wanted.name} {wanted.version}: the registry gave another file than {wanted.file}")
    found = sha256(path)
    if found != wanted.sha256:
        path.unlink()
        raise Failed(f"{path}: sha256 is {found}, wanted is {wanted.sha256}; it was removed, nothing was made of it")
    return path


def member(path, name):
    """One file out of a package."""
    try:
        if path.suffix == ".whl":
            with zipfile.ZipFile(path) as archive:
                return archive.read(name)
        with tarfile.open(path) as archive:
            return archive.extractfile(name).read()
    except KeyError as error:
        raise Failed(f"{path.name}: {name} is not in it") from error


def _hashed(cache, wanted):
    """Has pip compare the sha256 before it runs anything of the package."""
    listed = cache / f"{wanted.name}.requirements"
    listed.write_text(f"{wanted.name}=={wanted.version} --hash=sha256:{wanted.sha256}\n")
    return ["--require-hashes", "-r", str(listed)]


def _run(command, what, cwd=None):
    try:
        subprocess.run(command, cwd=cwd, check=True, stdout=subprocess.DEVNULL)
    except FileNotFoundError as error:
        raise Failed(f"{what}: {command[0]} is not installed; install it and start again") from error
    except subprocess.CalledProcessError as error:
        raise Failed(f"{what}: {command[0]} ended with {error.returncode}, see above; is the network there?") from error
