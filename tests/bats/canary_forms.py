#!/usr/bin/env python3
"""Reads marks, one a line, and prints what each of them looks like where it was encoded.

- its stretches of letters and digits: percent-encoding, JSON and quoting change only what is between them
- every byte as %41, \\u0041 or 41
- base64 with either alphabet, in the middle of anything: as user:password of a proxy, say
- of a key that is written as 64 hex digits, its bytes in base64, too
"""
import base64
import re
import sys

STRETCH = 9  # shorter ones are words


def encoded(data):
    """Base64 wherever data begins in a group of three, without what its neighbours decide."""
    for before in range(3):
        text = base64.b64encode(bytes(before) + data).decode().rstrip("=")
        first = -(-before * 8 // 6)
        text = text[first : (before + len(data)) * 8 // 6]
        yield text
        yield text.replace("+", "-").replace("/", "_")


def forms(mark):
    data = mark.encode()
    yield mark
    yield from re.findall("[0-9A-Za-z]{%d,}" % STRETCH, mark)
    for pattern in "%02x", "%%%02x", "%%25%02x", "\\u%04x":
        yield "".join(pattern % byte for byte in data)
        yield "".join(pattern.replace("x", "X") % byte for byte in data)
    yield from encoded(data)
    if re.fullmatch("[0-9a-f]{64}", mark):
        yield from encoded(bytes.fromhex(mark))


found = {form for line in sys.stdin for form in forms(line.rstrip("\n")) if form}
print("\n".join(sorted(found)))
