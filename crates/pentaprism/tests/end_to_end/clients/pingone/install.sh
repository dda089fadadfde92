#!/bin/sh
# Installs the packages of package-lock.json into the folder "$1", once per version of that file.
set -eu
folder=$1
here=$(dirname "$0")
if cmp -s "$here/package-lock.json" "$folder/installed.json"; then
  exit 0
fi
mkdir -p "$folder"
cp "$here/package.json" "$here/package-lock.json" "$folder"
cd "$folder"
npm ci --ignore-scripts --no-audit --no-fund --silent
cp package-lock.json installed.json
