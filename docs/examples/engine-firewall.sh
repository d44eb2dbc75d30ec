#!/bin/sh
# Keeps engines off the host's own ports, off link-local addresses (cloud metadata) and off each other.
# A Docker network with --internal does none of the three. As root, after Docker and the network are up:
#
#   engine-firewall.sh up      again after each start of Docker; a second run changes nothing
#   engine-firewall.sh down
#
# BRIDGE       the bridge of the engines' network (compose.yaml names it)               br-galaxy
# SERVICES     addresses in that network which may open connections to engines: RTM and Game Master. Engines get
#              theirs from another part of the network (ip_range)                       172.30.64.0/21
# ENGINE_PORT  the port that engines listen at                                           8080
#
# Traffic between containers of one bridge passes these rules only while net.bridge.bridge-nf-call-iptables is 1.
set -eu
BRIDGE=${BRIDGE:-br-galaxy} SERVICES=${SERVICES:-172.30.64.0/21} ENGINE_PORT=${ENGINE_PORT:-8080}

rule() { iptables -w "$@"; }
# jump FROM CHAIN: packets from the bridge that reach FROM go to CHAIN first
jump() { rule -C "$1" -i "$BRIDGE" -j "$2" 2>/dev/null || rule -I "$1" -i "$BRIDGE" -j "$2"; }
unjump() { rule -D "$1" -i "$BRIDGE" -j "$2" 2>/dev/null || true; }
fresh() { rule -N "$1" 2>/dev/null || rule -F "$1"; }
drop() { rule -F "$1" 2>/dev/null && rule -X "$1" || true; }

case ${1:-} in
  up)
    # To the host itself: answers only, such as those to the probes of an RTM outside of Docker.
    fresh GALAXY-HOST
    rule -A GALAXY-HOST -m conntrack --ctstate ESTABLISHED,RELATED -j RETURN
    rule -A GALAXY-HOST -j REJECT
    jump INPUT GALAXY-HOST
    # Through the host, and between containers of the bridge: answers, and what the services ask of engines.
    fresh GALAXY-ENGINES
    rule -A GALAXY-ENGINES -m conntrack --ctstate ESTABLISHED,RELATED -j RETURN
    rule -A GALAXY-ENGINES -d 169.254.0.0/16 -j REJECT
    rule -A GALAXY-ENGINES -s "$SERVICES" -o "$BRIDGE" -p tcp --dport "$ENGINE_PORT" -j RETURN
    rule -A GALAXY-ENGINES -j REJECT
    jump DOCKER-USER GALAXY-ENGINES
    ;;
  down)
    unjump INPUT GALAXY-HOST
    unjump DOCKER-USER GALAXY-ENGINES
    drop GALAXY-HOST
    drop GALAXY-ENGINES
    ;;
  *)
    echo "usage: $0 up|down" >&2
    exit 2
    ;;
esac
