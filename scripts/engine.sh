#!/usr/bin/env bash
# Make sure of a Docker engine, and of a base image for laminar's Dockerfile. Safe to run again.
#
# The only line on stdout is the base image's reference; everything else goes to stderr.
# PYTHON_VERSION chooses the Python of the base image.
set -euo pipefail

PYTHON_VERSION=${PYTHON_VERSION:-3.11}
OFFICIAL=python:$PYTHON_VERSION-slim
BOOTSTRAPPED=laminar-debian:python$PYTHON_VERSION # made here where no registry can be reached
WITH_HOST_CAS=laminar-base:python$PYTHON_VERSION  # one of the two, and the certificates that this host trusts
DAEMON_LOG=/var/log/laminar-dockerd.log
START_TIMEOUT_S=60
PULL_TIMEOUT_S=300

say() { echo "engine.sh: $*" >&2; }

die() {
    say "$@"
    exit 1
}

# --- the engine ---

engine_answers() { timeout 20 docker info >/dev/null 2>&1; }

# Whether docker is told to use another engine than the one of this machine.
engine_is_elsewhere() {
    [ -n "${DOCKER_HOST:-}" ] && return 0
    [ "$(docker context show 2>/dev/null || echo default)" != default ]
}

is_debian_root() { [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null; }

apt_install() {
    say "installing $*"
    apt-get update -q
    DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends "$@"
}

install_engine() {
    command -v dockerd >/dev/null || apt_install docker.io debootstrap iptables
    # Since Debian 13 the client is a package of its own.
    command -v docker >/dev/null || apt_install docker-cli
}

# Whether the process that wrote pid file $1 still runs program $2. Its id may by now belong to another process, or to a
# zombie (which has no program) in a container without an init.
is_alive() { [ -f "$1" ] && [[ "$(readlink "/proc/$(cat "$1")/exe")" == */$2* ]]; }

# What a killed daemon leaves behind, and the next one would take for a sign of life.
remove_stale_state() {
    local run=/var/run/docker socket=/run/containerd/containerd.sock
    is_alive "$run.pid" dockerd || rm -f "$run.pid"
    is_alive "$run/containerd/containerd.pid" containerd || rm -f "$run/containerd/containerd.pid"
    grep -q " $socket\$" /proc/net/unix || rm -f "$socket"
}

start_engine() {
    local pid waited
    remove_stale_state
    if [ -d /run/systemd/system ]; then
        systemctl start docker || die "'systemctl start docker' failed; 'journalctl -u docker' says why"
    elif ! is_alive /var/run/docker.pid dockerd; then
        say "starting dockerd, log in $DAEMON_LOG"
        # A session of its own: the daemon outlives this script, and the process group of the make that runs it.
        setsid nohup dockerd >>"$DAEMON_LOG" 2>&1 </dev/null 3>&- &
        pid=$!
    fi
    for ((waited = 0; waited < START_TIMEOUT_S; waited++)); do
        engine_answers && return
        [ -z "${pid:-}" ] || kill -0 "$pid" 2>/dev/null || break
        sleep 1
    done
    tail -n 20 "$DAEMON_LOG" || true
    die "dockerd did not start; its last lines are above. It needs a full root (in a container: --privileged)"
}

ensure_engine() {
    engine_answers && return
    if engine_is_elsewhere; then
        docker info || true
        die "the Docker engine at ${DOCKER_HOST:-context $(docker context show)} does not answer." \
            "Start it, or unset DOCKER_HOST and run 'docker context use default' to use the one of this machine"
    fi
    is_debian_root || die "no Docker engine answers. Start one (Docker Desktop, or 'sudo systemctl start docker' with" \
        "your user in the group docker), or set DOCKER_HOST; as root on Debian or Ubuntu this script installs one"
    install_engine
    start_engine
}

# --- the base image ---

has_image() { docker image inspect "$1" >/dev/null 2>&1; }

# Print the Debian mirror that this host uses.
debian_mirror() {
    local mirror
    # shellcheck disable=SC2016  # apt's variable, not the shell's
    mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Origin: Debian' 'Component: main' 'Created-By: Packages' |
        grep -v security | head -n 1 || true)
    echo "${mirror:-http://deb.debian.org/debian}"
}

# Make a base image from Debian's packages.
bootstrap() {
    local suite directory
    case $PYTHON_VERSION in
    3.11) suite=bookworm ;;
    3.13) suite=trixie ;;
    *) die "no registry has $OFFICIAL within reach, and no Debian release has Python $PYTHON_VERSION: use 3.11 or 3.13" ;;
    esac
    is_debian_root || die "no registry has $OFFICIAL within reach. Load it with 'docker load'; or run this script as root" \
        "on Debian or Ubuntu, where it makes a base image from Debian's packages"
    if ! command -v debootstrap >/dev/null || ! [ -f /usr/share/keyrings/debian-archive-keyring.gpg ]; then
        apt_install debootstrap debian-archive-keyring
    fi
    say "making $BOOTSTRAPPED from the packages of Debian $suite; this takes a minute or two"
    directory=$(mktemp -d -p "${TMPDIR:-/var/tmp}")
    # shellcheck disable=SC2064  # expand now: the variable is local
    trap "rm -rf --one-file-system '$directory'" EXIT
    if ! debootstrap --variant=minbase --include=python3,python3-venv,python3-pip,ca-certificates \
        "$suite" "$directory/root" "$(debian_mirror)" >"$directory/log" 2>&1; then
        tail -n 20 "$directory/log"
        die "debootstrap failed; its last lines are above"
    fi
    tar -C "$directory/root" --numeric-owner --exclude='./var/cache/apt/*' --exclude='./var/lib/apt/lists/*' \
        --exclude='./usr/share/doc/*' --exclude='./usr/share/man/*' --exclude='./usr/share/locale/*' -c . |
        docker import --change 'CMD ["python3"]' --change 'ENV LANG=C.UTF-8' - "$BOOTSTRAPPED"
}

# Print the host's bundle of certificates if it may hold more than the well-known ones.
extra_cas() {
    local bundle
    for bundle in "${PIP_CERT:-}" "${REQUESTS_CA_BUNDLE:-}" "${SSL_CERT_FILE:-}"; do
        if [ -f "$bundle" ]; then
            echo "$bundle"
            return
        fi
    done
    if compgen -G '/usr/local/share/ca-certificates/*' >/dev/null && [ -f /etc/ssl/certs/ca-certificates.crt ]; then
        echo /etc/ssl/certs/ca-certificates.crt
    fi
}

# Build WITH_HOST_CAS from base $1 and bundle $2: pip in a build then reaches what pip on the host reaches.
add_cas() {
    local context inside=/etc/ssl/certs/host-cas.crt
    context=$(mktemp -d)
    install -m 644 "$2" "$context/host-cas.crt"
    cat >"$context/Dockerfile" <<END
FROM $1
COPY host-cas.crt $inside
ENV PIP_CERT=$inside SSL_CERT_FILE=$inside REQUESTS_CA_BUNDLE=$inside
END
    docker build --quiet --tag "$WITH_HOST_CAS" "$context"
    rm -r "$context"
}

exec 3>&1 >&2 # what the commands print is for people; the answer goes to 3

ensure_engine

if has_image "$OFFICIAL"; then
    base=$OFFICIAL
elif has_image "$BOOTSTRAPPED"; then
    base=$BOOTSTRAPPED
elif say "pulling $OFFICIAL" && timeout "$PULL_TIMEOUT_S" docker pull --quiet "$OFFICIAL"; then
    base=$OFFICIAL
else
    bootstrap
    base=$BOOTSTRAPPED
fi

bundle=$(extra_cas)
if [ -n "$bundle" ]; then
    add_cas "$base" "$bundle"
    base=$WITH_HOST_CAS
fi
echo "$base" >&3
