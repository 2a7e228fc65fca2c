"""Photos for tests and the demo, out of two packages, laid out as `facegate evaluate` reads them.

The people are named by numbers: two photos of one number show the same person, different numbers different people.
"""

import io

import fetch
from PIL import Image

WHOLE = {
    "p01_1": "obama.jpg",
    "p01_2": "obama2.jpg",
    "p01_3": "obama3.jpg",
    "p03_1": "biden.jpg",
}
"""Photos taken as they are, from the tests of face_recognition."""

CUT = {
    "p02_1": (3, 1155, 381, 0),
    "p02_2": (1, 1556, 338, 40),
    "p04_1": (6, 750, 505, 0),
    "p05_1": (6, 1275, 485, 0),
    "p09_1": (6, 383, 654, 0),
    "p10_1": (6, 1567, 438, 0),
}
"""One person out of a group: which sample of face-api, the middle of the face in it, pixels, and how far it is turned until
it is upright, degrees: a terminal does not recognise who holds their head askew."""

WIDTH, HEIGHT = 450, 600
"""Of what is cut out, pixels; upright 3 to 4, as the camera is."""


def write(folder, face_recognition, face_api):
    """Writes all of them and `faces.csv`; how many there are."""
    folder.mkdir(parents=True)
    sources = {}
    for name, file in WHOLE.items():
        member = f"tests/test_images/{file}"
        (folder / f"{name}.jpg").write_bytes(fetch.member(face_recognition, f"face_recognition-1.3.0/{member}"))
        sources[name] = f"face_recognition 1.3.0 {member}"
    for name, (sample, x, y, turn) in CUT.items():
        member = f"demo/sample{sample}.jpg"
        with Image.open(io.BytesIO(fetch.member(face_api, f"package/{member}"))) as group:
            left = min(max(0, x - WIDTH // 2), group.width - WIDTH)
            top = min(max(0, y - HEIGHT // 2), group.height - HEIGHT)
            upright = group.convert("RGB").rotate(turn, Image.Resampling.BICUBIC, center=(x, y))
            photo = upright.crop((left, top, left + WIDTH, top + HEIGHT))
        photo.save(folder / f"{name}.jpg", quality=95)
        sources[name] = f"@vladmandic/face-api 1.7.15 {member}"
    rows = [f"{name}.jpg,{name[:3]},{source}\n" for name, source in sorted(sources.items())]
    (folder / "faces.csv").write_text("file,identity,source\n" + "".join(rows))
    return len(rows)
