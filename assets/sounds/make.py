#!/usr/bin/env python3
"""Makes the terminal's own sounds: 16 kHz, 16 bit, mono. Run it here after changing a tone."""

import math
import struct
import wave
from pathlib import Path

RATE = 16_000
# name: (start, length, frequency) of each note, seconds and hertz
SOUNDS = {
    "welcome": [(0.00, 0.60, 659.26), (0.14, 0.80, 880.00)],
    "refused": [(0.00, 0.28, 233.08), (0.26, 0.60, 174.61)],
    "stranger": [(0.00, 0.35, 523.25), (0.22, 0.60, 523.25)],
    "alarm": [(0.18 * n, 0.18, (1174.66, 880.00)[n % 2]) for n in range(6)],
}
# strength of the overtones: a struck bar rather than a beeper
OVERTONES = [(1, 1.0), (2, 0.35), (3, 0.12)]


def note(length, frequency):
    count = int(length * RATE)
    for n in range(count):
        t = n / RATE
        envelope = min(1.0, t / 0.008) * math.exp(-4.0 * t / length) * min(1.0, (length - t) / 0.02)
        yield envelope * sum(a * math.sin(2 * math.pi * frequency * k * t) for k, a in OVERTONES)


for name, notes in SOUNDS.items():
    samples = [0.0] * int(max(start + length for start, length, _ in notes) * RATE)
    for start, length, frequency in notes:
        begin = int(start * RATE)
        for n, value in enumerate(note(length, frequency)):
            if begin + n < len(samples):
                samples[begin + n] += value
    loudest = max(abs(s) for s in samples)
    data = b"".join(struct.pack("<h", round(s / loudest * 0.85 * 32767)) for s in samples)
    with wave.open(str(Path(__file__).parent / f"{name}.wav"), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(data)
