# Shared by the scripts beside it (sourced): where things are, how to complain, how to find Python.
set -eu
ROOT=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
DATA_DIR=${DATA_DIR:-$ROOT/var}
case $DATA_DIR in /*) ;; *) DATA_DIR=$PWD/$DATA_DIR ;; esac
PY=$ROOT/.venv/bin/python
PYTHONUTF8=1
export DATA_DIR PYTHONUTF8
cd "$ROOT"

say() { printf '%s\n' "[setup] $*"; }

# die WHAT WHAT-TO-DO...
die() {
    printf '%s\n' "" "Stopped: $1" >&2
    shift
    for line in "$@"; do printf '%s\n' "  $line" >&2; done
    exit 1
}

# Runs a long step so that Ctrl-C or SIGTERM to the script ends it too.
run() {
    "$@" &
    step=$!
    trap 'kill "$step" 2>/dev/null; wait "$step"; exit 143' TERM INT HUP
    code=0
    wait "$step" || code=$?
    trap - TERM INT HUP
    return "$code"
}

new_enough() { "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; }

# Sets PYTHON to a Python of at least 3.11.
find_python() {
    for candidate in ${PYTHON:-} python3 python3.14 python3.13 python3.12 python3.11 python; do
        if new_enough "$candidate"; then
            PYTHON=$candidate
            return
        fi
    done
    found=$(python3 --version 2>/dev/null || echo "no Python")
    die "开海 CRM needs Python 3.11 or newer; this machine has ${found}." \
        "Debian 12, Ubuntu 24.04 and newer: apt install python3 python3-venv" \
        "Elsewhere: install it from python.org; with it in another place: PYTHON=/path/to/python3.11 $0"
}
