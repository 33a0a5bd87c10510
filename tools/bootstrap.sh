#!/bin/sh
# Makes .venv from requirements.lock: python3 >= 3.10 is all that it needs, no root.
# uv comes from PATH, else into .tools/uv through venv or pip, whichever this machine has.
set -eu
cd "$(dirname "$0")/.."

export PIP_DISABLE_PIP_VERSION_CHECK=1

say() { echo "bootstrap: $*" >&2; }

python=
seen=
for candidate in ${PYTHON:-python3 python3.14 python3.13 python3.12 python3.11 python3.10}; do
    version=$("$candidate" -c 'import sys; print("%d.%d.%d" % sys.version_info[:3])' 2>/dev/null) \
        || continue
    if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 10))'; then
        python=$(command -v "$candidate")
        break
    fi
    seen="${seen:+$seen,} $candidate is $version"
done
if [ -z "$python" ]; then
    say "no Python 3.10 or newer${PYTHON:+ in PYTHON=$PYTHON}:${seen:- none found};" \
        "install python3 (3.10+), or say PYTHON=/path/to/python3"
    exit 1
fi

get_uv() {
    mkdir -p .tools
    # The lock holds uv's own version and hashes: they are not typed twice.
    awk '/^uv==/ { on = 1 } on { print } on && !/\\$/ { exit }' requirements.lock > .tools/uv.new
    if cmp -s .tools/uv.new .tools/uv/requirements.txt; then
        return
    fi
    say "getting $(sed -n '1s/ .*//p' .tools/uv.new) into .tools/uv"
    if "$python" -m venv --clear .tools/uv >/dev/null 2>&1; then
        .tools/uv/bin/python -m pip install -q --require-hashes -r .tools/uv.new
    elif "$python" -m pip --version >/dev/null 2>&1; then
        rm -rf .tools/uv
        "$python" -m pip install -q --require-hashes --target .tools/uv -r .tools/uv.new
    else
        say "$python has neither venv nor pip: install one (Debian: apt install python3-venv)," \
            "or put uv on PATH"
        exit 1
    fi
    mv .tools/uv.new .tools/uv/requirements.txt  # last: only a whole one counts
}

uv=$(command -v uv || true)
# One that does not know what is asked of it below is as good as none.
if [ -z "$uv" ] || ! "$uv" venv --help 2>/dev/null | grep -q -e --clear; then
    get_uv
    uv=.tools/uv/bin/uv
fi

# Certificates as the machine has them, so that a company's proxy works for uv as it does for pip.
export UV_SYSTEM_CERTS=true UV_NATIVE_TLS=true UV_PYTHON_DOWNLOADS=never
export VIRTUAL_ENV="$PWD/.venv"
"$uv" venv -q --clear --no-project --python "$python" .venv
"$uv" pip install -q --require-hashes -r requirements.lock
"$uv" pip install -q --no-deps --no-build-isolation \
    -e instrumentation -e alerts -e dashboards -e examples/orders
say "$(.venv/bin/python --version) and $(grep -c '^[a-z].*==' requirements.lock) packages in .venv"
touch .venv/.ready
