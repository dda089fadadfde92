#!/bin/sh
# Installs the clients of requirements.txt into the virtual environment "$1", once per version of that file.
set -eu
folder=$1
requirements=$(dirname "$0")/requirements.txt
if cmp -s "$requirements" "$folder/installed.txt"; then
  exit 0
fi
python3 -m venv --clear "$folder"
"$folder/bin/pip" install --quiet --disable-pip-version-check --requirement "$requirements"
cp "$requirements" "$folder/installed.txt"
