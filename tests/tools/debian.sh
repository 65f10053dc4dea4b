#!/usr/bin/env bash
# Installs the Debian packages that the tests need and that are missing; as root. What is there in another way (Node.js from
# its own makers comes with npm, and Debian's npm does not go with it) is left alone.
set -euo pipefail

missing=()
need() { # COMMAND PACKAGE...
  command -v "$1" >/dev/null || missing+=("${@:2}")
}
need promtool prometheus
need prometheus-alertmanager prometheus-alertmanager
need chromium chromium fonts-dejavu-core
need chromedriver chromium-driver
need openssl openssl
need rsyslogd rsyslog
need systemd-analyze systemd
need valgrind valgrind
need npm npm
python3 -c 'import ensurepip, venv' 2>/dev/null || missing+=(python3-venv)

if [ ${#missing[@]} -gt 0 ]; then
  apt-get update -qq
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}"
fi
