#!/bin/sh
# Makes .venv from requirements.lock: python3 >= 3.10 is all that it needs, no root.
# uv comes from PATH, else into .tools/uv through venv or pip, whichever this machine has.
set -eu
cd "$(dirname "$0")/.."

say() { echo "bootstrap: $*" >&2; }

python=
for candidate in ${PYTHON:-} python3 python3.14 python3.13 python3.12 python3.11 python3.10; do
    if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 10))' 2>/dev/null; then
        python=$(command -v "$candidate")
        break
    fi
done
if [ -z "$python" ]; then
    say "no Python 3.10 or newer on PATH: install python3 (3.10+), or say PYTHON=/path/to/python3"
    exit 1
fi

get_uv() {
    mkdir -p .tools
    # The lock holds uv's own version and hashes: they are not typed twice.
    awk '/^uv==/ { on = 1 } on { print } on && !/\\$/ { exit }' requirements.lock > .tools/uv.txt
    if "$python" -m venv --clear .tools/uv 2>/dev/null; then
        .tools/uv/bin/python -m pip install -q --require-hashes -r .tools/uv.txt
    elif "$python" -m pip --version >/dev/null 2>&1; then
        rm -rf .tools/uv
        "$python" -m pip install -q --require-hashes --target .tools/uv -r .tools/uv.txt
    else
        say "$python has neither venv nor pip: install one (Debian: apt install python3-venv)," \
            "or put uv on PATH"
        exit 1
    fi
}

uv=$(command -v uv || true)
if [ -z "$uv" ]; then
    uv=.tools/uv/bin/uv
    [ -x "$uv" ] && "$uv" --version >/dev/null 2>&1 || get_uv
fi

# Certificates as the machine has them, so that a company's proxy works for uv as it does for pip.
export UV_SYSTEM_CERTS=true UV_NATIVE_TLS=true
export VIRTUAL_ENV="$PWD/.venv"
"$uv" venv -q --clear --no-project --python "$python" .venv
"$uv" pip install -q --require-hashes -r requirements.lock
"$uv" pip install -q --no-deps --no-build-isolation \
    -e instrumentation -e alerts -e dashboards -e examples/orders
say "$(.venv/bin/python --version) and $(grep -c '^[a-z].*==' requirements.lock) packages in .venv"
touch .venv/.ready
