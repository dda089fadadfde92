"""Uploads with Python's http.client, which sends a whole body before it looks for an answer.

Usage: http_client.py HOST PORT. Prints a line per check and fails on the first that does not hold.
"""

import http.client
import json
import sys
import uuid

HOST, PORT = sys.argv[1], int(sys.argv[2])
TOKEN = {"X-Auth-Token": "pentaprism-dev"}
BYTES = {**TOKEN, "Content-Type": "application/octet-stream"}
MEBIBYTE = b"\x5a" * (1 << 20)


def connect():
    return http.client.HTTPConnection(HOST, PORT, timeout=120)


def call(connection, method, path, body=None, headers=None, chunked=False):
    connection.request(method, path, body=body, headers=headers or {}, encode_chunked=chunked)
    answer = connection.getresponse()
    return answer.status, answer.read(), answer.headers


def create(connection):
    image = str(uuid.uuid4())
    record = {"id": image, "disk_format": "raw", "container_format": "bare"}
    status, body, _ = call(connection, "POST", "/v2/images", json.dumps(record), TOKEN)
    assert status == 201, (status, body)
    return f"/v2/images/{image}/file"


def expect(what, found, wanted):
    assert found == wanted, f"{what}: {found!r} instead of {wanted!r}"
    print(what)


def kept_alive():
    connection = connect()
    data = create(connection)
    socket = connection.sock
    expect("upload", call(connection, "PUT", data, MEBIBYTE, BYTES)[0], 204)
    expect("download", call(connection, "GET", data, headers=TOKEN)[1], MEBIBYTE)
    expect("one connection for all three", connection.sock is socket, True)
    connection.close()


def chunked_upload():
    connection = connect()
    data = create(connection)
    headers = {**BYTES, "Transfer-Encoding": "chunked"}
    pieces = iter([b"one", MEBIBYTE, b"three"])
    expect("chunked upload", call(connection, "PUT", data, pieces, headers, chunked=True)[0], 204)
    expect("chunked download", call(connection, "GET", data, headers=TOKEN)[1], b"one" + MEBIBYTE + b"three")
    connection.close()


def early_refusals():
    connection = connect()
    data = create(connection)
    expect("first upload", call(connection, "PUT", data, b"first", BYTES)[0], 204)
    connection.close()
    for size in (1, 8, 64):
        for chunked in (False, True):
            headers = {**BYTES, "Transfer-Encoding": "chunked"} if chunked else {**BYTES, "Content-Length": str(size << 20)}
            for status, changed in ((409, headers), (401, {**headers, "X-Auth-Token": "unknown"})):
                connection = connect()
                found = call(connection, "PUT", data, iter([MEBIBYTE] * size), changed, chunked=chunked)[0]
                expect(f"{status} reaches a client with {size} MiB{' in chunks' if chunked else ''}", found, status)
                connection.close()
    connection = connect()
    expect("the image is as it was", call(connection, "GET", data, headers=TOKEN)[1], b"first")
    connection.close()


kept_alive()
chunked_upload()
early_refusals()
