"""Sends whole bodies before it reads, as blocking clients do, and expects to see the answer that came early.

Run by the tests of the connection layer: early_answers.py PORT
"""

import http.client
import sys

MIB = 1 << 20
PORT = int(sys.argv[1])
seen = 0


def pieces(size):
    for _ in range(size // 65536):
        yield b"x" * 65536


def early(path, status, size, chunked):
    connection = http.client.HTTPConnection("127.0.0.1", PORT, timeout=60)
    body = pieces(size) if chunked else b"x" * size
    connection.request("PUT", path, body=body, encode_chunked=chunked,
                       headers={"Transfer-Encoding": "chunked"} if chunked else {})
    answer = connection.getresponse()
    text = answer.read()
    assert answer.status == status, (path, size, chunked, answer.status, text)
    assert answer.getheader("connection") == "close", (path, size, chunked, answer.getheaders())
    global seen
    seen += 1


for path, status in (("/refuse", 409), ("/first-piece", 413)):
    for size in (MIB, 8 * MIB, 64 * MIB):
        for chunked in (False, True):
            early(path, status, size, chunked)

# Many bodies are smaller than any buffer; their connection ends all the same.
early("/refuse", 409, 65536, False)
early("/refuse", 409, 65536, True)

# A body that was read leaves the connection as it was.
connection = http.client.HTTPConnection("127.0.0.1", PORT, timeout=60)
for chunked in (False, True, False):
    connection.request("PUT", "/read", body=pieces(8 * MIB) if chunked else b"x" * 8 * MIB, encode_chunked=chunked,
                       headers={"Transfer-Encoding": "chunked"} if chunked else {})
    answer = connection.getresponse()
    assert (answer.status, answer.read()) == (200, b"%d bytes" % (8 * MIB))
    assert connection.sock is not None, "the connection was closed"

print(seen, "early answers seen")
