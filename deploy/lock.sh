#!/bin/sh
# Pin every requirement with hashes again, from pyproject.toml. Needs uv.
set -eu
cd "$(dirname "$0")/.."
uv pip compile pyproject.toml --universal --python-version 3.11 --generate-hashes --quiet \
    --custom-compile-command deploy/lock.sh "$@" --output-file requirements.txt
uv pip compile pyproject.toml --group test --universal --python-version 3.11 --generate-hashes --quiet \
    --custom-compile-command deploy/lock.sh -c requirements.txt "$@" --output-file tests/requirements.txt
