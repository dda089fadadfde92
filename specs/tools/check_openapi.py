#!/usr/bin/env python3
"""Ask the standard tools what they think of the specs.

Three kinds of checks, one line each:

* openapi-spec-validator accepts every specs/*.yaml,
* openapi-generator makes a Python client from every one of them without a complaint, and that client can be imported,
* the class ImageStoreApi that it makes from service_fabric.yaml is the documented one: image_store_api.txt beside this file lists
  its methods, parameters, types, defaults and return types, and every method accepts `application/json` and documents the statuses
  200 and 0 (which is `default`).

Usage: python3 specs/tools/check_openapi.py

Needs Java 11 or newer and the package index that pip is configured for. Both tools go into a virtual environment under target/, the
generated clients beside it; nothing else is written. Prints `N passed, N failed` and exits with 1 when something failed.
"""

import os
import re
import shutil
import subprocess
import sys
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SPECS = ROOT / "specs"
WORK = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "check-openapi"
# The generated client imports the last four; exact versions, so that a new release cannot fail a build that changed nothing.
TOOLS = ["openapi-spec-validator==0.9.0", "openapi-generator-cli==7.26.0", "pydantic==2.12.5", "urllib3==2.6.3",
         "python-dateutil==2.9.0.post0", "typing-extensions==4.15.0"]
SERVER = "http://azure.local:19080"
# What openapi-generator says about every 3.1 document, whatever is in it.
EXPECTED_WARNINGS = ["OpenAPI 3.1 support is still in beta", "Failed to get the schema name: null"]


class Report:
    """Counts checks and prints each as it is done."""

    def __init__(self):
        self.passed = 0
        self.failed = 0

    def check(self, name, problems):
        """A check that holds when `problems` is empty."""
        if problems:
            self.failed += 1
            print(f"FAIL {name}", *(f"     {problem}" for problem in problems), sep="\n")
        else:
            self.passed += 1
            print(f"ok   {name}")


def run(*command):
    """Runs a command and returns its exit code and everything it said."""
    done = subprocess.run([str(part) for part in command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    return done.returncode, done.stdout


def install_tools():
    """Makes the virtual environment, or takes the one of an earlier run with the same tools; returns its bin folder."""
    environment = WORK / "venv"
    programs = environment / ("Scripts" if os.name == "nt" else "bin")
    wanted = "\n".join(TOOLS)
    stamp = environment / "installed.txt"
    if stamp.is_file() and stamp.read_text() == wanted:
        return programs
    venv.create(environment, with_pip=True, clear=True)
    code, said = run(programs / "python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *TOOLS)
    if code:
        sys.exit(f"the tools cannot be installed; is a package index reachable?\n{said}")
    stamp.write_text(wanted)
    return programs


def validate(programs, spec):
    """What openapi-spec-validator finds wrong."""
    code, said = run(programs / "openapi-spec-validator", spec)
    return said.strip().splitlines() if code else []


def generate(programs, spec, client):
    """Generates a client; what the generator complained about."""
    shutil.rmtree(client, ignore_errors=True)
    code, said = run(programs / "openapi-generator-cli", "generate", "-g", "python", "-i", spec, "-o", client)
    lines = said.splitlines()
    complaints = [line for line in lines if re.search(r"\b(WARN|ERROR)\b", line)]
    complaints = [line for line in complaints if not any(known in line for known in EXPECTED_WARNINGS)]
    return complaints or ([f"exit code {code}", *lines[-5:]] if code else [])


def import_client(programs, client):
    """What goes wrong when every module of the client is imported."""
    program = "import openapi_client, openapi_client.api, openapi_client.models"
    code, said = run(programs / "python", "-c", f"import sys; sys.path.insert(0, {str(client)!r}); {program}")
    return said.strip().splitlines()[-1:] if code else []


def expected_methods():
    """The table of image_store_api.txt: name of a method, its signature and request line."""
    methods = {}
    for line in (Path(__file__).parent / "image_store_api.txt").read_text().splitlines():
        if line.startswith("    "):
            methods[name] = (methods[name], line.strip())
        elif line and not line.startswith("#"):
            name = line.split("(")[0]
            methods[name] = line.strip()
    return methods


def generated_methods(document):
    """The same for the Markdown page that the generator writes about a class, with the rest of each section."""
    routes = dict(re.findall(r"^\[\*\*(\w+)\*\*\]\([^)]*\) \| (\*\*\w+\*\* \S+)", document, re.M))
    methods = {}
    for section in re.split(r"^# (?=\*\*\w+\*\*$)", document, flags=re.M)[1:]:
        name = re.match(r"\*\*(\w+)\*\*", section)[1]
        methods[name] = (signature(name, section), routes[name].replace("*", ""), section)
    return methods


def signature(name, section):
    """A method's signature, in the notation of image_store_api.txt, from the section about it."""
    rows = re.findall(r"^ \*\*(\w+)\*\* \| (.*?)\|.*\| (.*)$", section, re.M)
    parameters = []
    for parameter, kind, notes in rows:
        default = re.search(r"\[default to (.*?)\]", notes)
        mark = "?" if "[optional]" in notes else ""
        value = f" = {default[1].replace('&#39;', '')}" if default else ""
        parameters.append(f"{parameter}{mark}: {plain(kind)}{value}")
    order = re.search(r"^> (?:\S+ )?\w+\((.*)\)$", section, re.M)[1]
    if [part.split("=")[0].strip() for part in order.split(",")] != [row[0] for row in rows]:
        parameters.append(f"but called as ({order})")
    returned = plain(re.search(r"^### Return type\n+(.+)$", section, re.M)[1])
    return f"{name}({', '.join(parameters)}) -> {'None' if returned.startswith('void') else returned}"


def plain(kind):
    """The name of a type without Markdown: bold, and perhaps a link."""
    return re.sub(r"\[(.+)\]\(.*\)", r"\1", kind).replace("*", "").strip()


def compare(report, client):
    """Compares the generated class with the table, method by method."""
    page = client / "docs" / "ImageStoreApi.md"
    document = page.read_text() if page.is_file() else ""
    generated = generated_methods(document)
    expected = expected_methods()
    server = re.findall(r"relative to \*(.*)\*$", document, re.M)
    report.check("the default server is the documented one", [] if server == [SERVER] else [f"found {server}, not {SERVER}"])
    extra = sorted(set(generated) - set(expected))
    report.check("ImageStoreApi has no method beyond the documented ones", [f"{name} is extra" for name in extra])
    for name, (wanted, route) in expected.items():
        found, found_route, section = generated.get(name, ("no such method", "", ""))
        problems = []
        if (found, found_route) != (wanted, route):
            problems += [f"expected {wanted}  {route}", f"found    {found}  {found_route}"]
        if not re.search(r"\*\*Accept\*\*: application/json$", section, re.M):
            problems.append("does not accept exactly application/json")
        if re.findall(r"^\*\*(\d+)\*\* \|", section, re.M) != ["200", "0"]:
            problems.append("does not document exactly the statuses 200 and 0")
        report.check(f"ImageStoreApi.{name}", problems)


def main():
    """Runs every check."""
    report = Report()
    programs = install_tools()
    for spec in sorted(SPECS.glob("*.yaml")):
        client = WORK / spec.stem
        report.check(f"{spec.name} is valid OpenAPI", validate(programs, spec))
        report.check(f"{spec.name} gives a client", generate(programs, spec, client))
        report.check(f"the client of {spec.name} can be imported", import_client(programs, client))
    compare(report, WORK / "service_fabric")
    print(f"{report.passed} passed, {report.failed} failed")
    return 1 if report.failed else 0


if __name__ == "__main__":
    sys.exit(main())
