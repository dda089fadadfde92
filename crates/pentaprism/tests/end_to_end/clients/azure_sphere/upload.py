"""Uploads in the manner of the vendor's Python samples: with requests and urllib, polling without a pause.

Usage: upload.py URL. Prints a line per check and fails on the first that does not hold.
"""

import json
import sys
import time
import urllib.request
import uuid

import requests

import packages

URL = sys.argv[1]
TOKEN = {"Authorization": "Bearer pentaprism-dev"}
COMPONENT = "2f074b0f-d99d-4692-82d9-ef93a7d6463c"
NAME = "AzureSphereBlinkTest"
PATIENCE = 60


def expect(what, found, wanted):
    assert found == wanted, f"{what}: {found!r} instead of {wanted!r}"
    print(what)


def get(path):
    """The samples take 200 for a success and nothing else."""
    answer = requests.get(URL + path, headers=TOKEN, timeout=60)
    assert answer.status_code == 200, (answer.status_code, answer.text)
    return answer.json()


def ended(operation):
    path = f"/v2/tenants/{operation['TenantId']}/operations/{operation['OperationId']}"
    start = time.monotonic()
    while time.monotonic() - start < PATIENCE:
        if operation["State"] not in (0, 1):
            return operation
        operation = get(path)
    raise AssertionError(f"the operation does not end: {operation}")


def requests_without_content_type(path, package):
    answer = requests.post(URL + path, data=package, headers=TOKEN, timeout=60)
    assert "Content-Type" not in answer.request.headers
    assert answer.status_code == 200, (answer.status_code, answer.text)
    return answer.json()


def requests_in_chunks(path, package):
    pieces = (package[start : start + 1000] for start in range(0, len(package), 1000))
    answer = requests.post(URL + path, data=pieces, headers=TOKEN, timeout=60)
    assert answer.request.headers["Transfer-Encoding"] == "chunked"
    assert answer.status_code == 200, (answer.status_code, answer.text)
    return answer.json()


def urllib_as_a_form(path, package):
    """urllib calls every body a form unless it is told otherwise."""
    request = urllib.request.Request(URL + path, data=package, headers=TOKEN)
    with urllib.request.urlopen(request, timeout=60) as answer:
        assert request.get_header("Content-type") == "application/x-www-form-urlencoded"
        assert answer.status == 200
        return json.load(answer)


def upload(tenant, send):
    image = str(uuid.uuid4())
    package = packages.make(image, COMPONENT, NAME)
    images = f"/v2/Tenants/{tenant}/Images"
    operation = ended(send(images, package))
    expect(f"{send.__name__} ends well", (operation["State"], operation["Error"]), (2, None))
    metadata = get(f"{images}/{image}/metadata")
    members = [metadata[name] for name in ("Id", "Name", "ComponentId", "Description", "ImageType", "Type")]
    expect("metadata", members, [image, NAME, COMPONENT, None, 10, 10])
    place = get(f"{images}/{image}")
    expect("a place", (place["IsSuccess"], place["UriMessage"]), (True, None))
    with urllib.request.urlopen(place["Uri"], timeout=60) as answer:
        expect("bytes without a token", answer.read(), package)
        expect("their type", answer.headers["Content-Type"], "application/octet-stream")
    packages.check(package, image, COMPONENT, NAME)
    again = ended(send(images, package))
    expect("a duplicate fails", (again["State"], again["Error"]["Code"]), (3, 7))
    expect("and says why", again["Error"]["Message"], f"An image with the same ID ('{image}') already exists.")


def refusals(tenant):
    answer = requests.post(f"{URL}/v2/tenants/{tenant}/images", data=b"no package", headers=TOKEN, timeout=60)
    refused = [(error["ErrorCode"], error["Title"], error["Status"]) for error in answer.json()]
    expect("what is no package", (answer.status_code, refused), (400, [("BadRequest", "Bad Request", 400)]))
    answer = requests.get(f"{URL}/v2/tenants", timeout=60)
    refused = [(error["ErrorCode"], error["Title"], error["Status"]) for error in answer.json()]
    expect("no token", (answer.status_code, refused), (401, [("Unauthorized", "Unauthorized", 401)]))


TENANT = get("/v2/Tenants")[0]["Id"]
for sender in (requests_without_content_type, requests_in_chunks, urllib_as_a_form):
    upload(TENANT, sender)
refusals(TENANT)
