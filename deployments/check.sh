#!/usr/bin/env bash
# Checks everything in this directory that can be checked without a container engine or Grafana, the dashboard by
# running each of its queries: a relay with the demo configuration under mixed traffic, scraped by a real Prometheus.
#   deployments/check.sh http://127.0.0.1:8080 sk-relay-demo
# Installs what is missing with apt. Leaves nothing running; the relay is the caller's.
set -euo pipefail
[ $# = 2 ] || { echo "usage: $0 <base URL of a relay running configs/demo.yaml> <relay key>" >&2; exit 2; }
cd "$(dirname "$0")"

missing=()
command -v prometheus >/dev/null && command -v promtool >/dev/null || missing+=(prometheus)
docker compose version >/dev/null 2>&1 || command -v docker-compose >/dev/null || missing+=(docker-compose)
/usr/bin/python3 -c 'import yaml' 2>/dev/null || missing+=(python3 python3-yaml)
if [ ${#missing[@]} -gt 0 ]; then
  echo "== installing ${missing[*]}"
  export DEBIAN_FRONTEND=noninteractive
  apt-get update -qq
  apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
fi

echo "== compose file"
if docker compose version >/dev/null 2>&1; then
  docker compose -f compose.yaml config -q
else
  # Debian's 1.29 knows all of it but the project's name.
  sed '/^name:/d' compose.yaml | docker-compose --project-name stream-relay -f - config -q
fi

echo "== Prometheus configuration"
promtool check config prometheus/prometheus.yml

exec /usr/bin/python3 check.py "$1" "$2"
