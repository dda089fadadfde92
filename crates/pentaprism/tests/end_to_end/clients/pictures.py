"""Uploads pictures, and compares what the server says of them, and makes of them, with what Pillow reads.

Usage: pictures.py pingone URL FILE...
       pictures.py saved_views URL LIMIT FILE..., where thumbnails fit into a square of LIMIT pixels

What Pillow cannot read must be refused. Prints a line per kind of picture, and fails on the first that is not as it should be.
"""

import base64
import io
import os
import sys
from collections import Counter

import requests
from PIL import Image, ImageChops, ImageStat

ENVIRONMENT = "abfba8f6-49eb-49f5-a5d9-80ad5c98f9f6"
VIEW = "ACZbDmWhULVChRcDRkoPdLaNv7DGPQORQpkxmyDyE1ERZS7bsqUkWEmr9ZGmC5TopQ"
DATA_URL = "data:image/png;base64,"
TYPES = {"JPEG": "jpg", "PNG": "png", "GIF": "gif"}
# Its pixels have a wrong check sum, which Pillow passes over and Saved Views does not (D-098).
DAMAGED = {"xcsn0g01.png"}
# How far the colours of a thumbnail may be from those of its picture on average, in steps of 255. The most is needed for
# pictures of 8 by 32 pixels that become 4 by 16.
TOLERANCE = 5.0

session = requests.Session()
session.headers["Authorization"] = "Bearer pentaprism-dev"
counts = Counter()


def read(name):
    with open(name, "rb") as file:
        return file.read()


def decode(data, pixels):
    """The picture, down to its pixels if they are wanted; nothing if Pillow does not take it."""
    try:
        picture = Image.open(io.BytesIO(data))
        if pixels:
            picture.load()
        return picture
    except (OSError, SyntaxError, ValueError):
        return None


def exif(data):
    """What a camera wrote before its picture, with a thumbnail that has a width and height of its own."""
    length = int.from_bytes(data[4:6], "big")
    found = data[2 : 4 + length]
    whole = data[:4] == b"\xff\xd8\xff\xe1" and len(found) == 2 + length
    return found if whole and b"\xff\xd8" in found else None


def public(url):
    answer = requests.get(url, timeout=60)
    assert answer.status_code == 200, (url, answer.status_code)
    return answer


def pingone(name, data):
    # The server keeps pictures and reads their headers only (D-116).
    picture = decode(data, pixels=False)
    url = f"{server}/v1/environments/{ENVIRONMENT}/images"
    answer = session.post(url, data=data, headers={"Content-Type": "image/*"}, timeout=60)
    if picture is None or picture.format not in TYPES:
        assert answer.status_code == 400, (name, answer.text)
        error = answer.json()
        assert error["code"] == "INVALID_DATA" and error["details"][0]["target"] == "file", (name, error)
        counts["refused"] += 1
        return
    assert answer.status_code == 201, (name, answer.text)
    original = answer.json()["targets"]["original"]
    found = original["type"], original["width"], original["height"]
    assert found == (TYPES[picture.format], *picture.size), (name, found, picture)
    back = public(original["href"])
    assert back.content == data, name
    assert back.headers["Content-Type"] == Image.MIME[picture.format], (name, back.headers)
    counts[found[0]] += 1


def saved_views(name, data):
    picture = decode(data, pixels=True)
    url = f"{server}/savedviews/{VIEW}/image"
    image = DATA_URL + base64.b64encode(data).decode()
    answer = session.put(url, json={"image": image}, timeout=60)
    if picture is None or picture.format != "PNG" or os.path.basename(name) in DAMAGED:
        assert answer.status_code == 422, (name, answer.status_code, answer.text)
        assert answer.json()["error"]["details"][0]["target"] == "image", (name, answer.text)
        counts["refused"] += 1
        return
    assert answer.status_code == 204, (name, answer.status_code, answer.text)
    full = session.get(url, params={"size": "full"}, timeout=60).json()["href"]
    assert public(full).content == data, name
    small = public(session.get(url, params={"size": "thumbnail"}, timeout=60).json()["href"]).content
    thumbnail = decode(small, pixels=True)
    assert thumbnail is not None and thumbnail.format == "PNG", name
    if max(picture.size) <= limit:
        assert small == data, name
        counts["their own thumbnail"] += 1
        return
    ratio = limit / max(picture.size)
    wanted = [max(1, side * ratio) for side in picture.size]
    assert max(thumbnail.size) == limit, (name, thumbnail.size)
    assert all(abs(side - want) <= 1 for side, want in zip(thumbnail.size, wanted)), (name, thumbnail.size, wanted)
    pairs = zip(colours(picture, data), colours(thumbnail, small))
    far = max(abs(here - there) for here, there in pairs)
    assert far <= TOLERANCE, (name, far, colours(picture, data), colours(thumbnail, small))
    counts["reduced"] += 1


def colours(picture, data):
    """Mean red, green, blue, each times its opacity, and mean opacity, from 0 to 255."""
    depth, transparent = data[24], picture.info.get("transparency")
    if picture.mode.startswith("I"):
        # Pillow would cut, not scale, and forget what is transparent.
        values = [low + 256 * high for low, high in zip(*[iter(picture.tobytes())] * 2)]
        picture = Image.new("LA", picture.size)
        picture.putdata([(value >> 8, 0 if value == transparent else 255) for value in values])
    elif isinstance(transparent, tuple):
        # Pillow does not scale these to its own eight bits.
        picture.info["transparency"] = tuple(value >> (depth - 8) for value in transparent)
    elif isinstance(transparent, int) and picture.mode == "L":
        picture.info["transparency"] = transparent * 255 // (2**depth - 1)
    *channels, alpha = picture.convert("RGBA").split()
    shown = [ImageChops.multiply(channel, alpha) for channel in channels]
    return [ImageStat.Stat(channel).mean[0] for channel in (*shown, alpha)]


kind, server, *files = sys.argv[1:]
if kind == "saved_views":
    limit, *files = int(files[0]), *files[1:]
check = {"pingone": pingone, "saved_views": saved_views}[kind]
pictures = {file: read(file) for file in files}
for file, bytes_of_it in pictures.items():
    check(file, bytes_of_it)
if kind == "pingone":
    # The camera's part of pictures that are not there, before one that is.
    base = next(found for found in pictures.values() if found.startswith(b"\xff\xd8\xff\xe0"))
    for file, segment in ((file, exif(found)) for file, found in pictures.items()):
        if segment is not None:
            check(f"{file} with another picture", base[:2] + segment + base[2:])
            counts["with a thumbnail inside"] += 1
for what, times in sorted(counts.items()):
    print(f"{what}: {times}")
