#!/bin/sh
# Two throwaway profiles on this machine find each other by mDNS and talk: the way to try Loom, or
# a change to it, on one computer. Everything lies in a temporary folder and is gone at the end.
#
#     examples/two_profiles.sh                            with `loom` from the PATH
#     PYTHON=.venv/bin/python examples/two_profiles.sh    with this checkout
#
# Leave LOOM_MDNS_INTERFACE and --listen away to meet other machines of your network instead.
set -eu
umask 077

if [ -n "${PYTHON:-}" ]; then
    loom() { "$PYTHON" -m loom "$@"; }
fi

folder=$(mktemp -d)
export LOOM_HOME="$folder/home"
export LOOM_PASSPHRASE_FILE="$folder/passphrase"
export LOOM_MDNS_INTERFACE=127.0.0.1
unset LOOM_PROFILE LOOM_PASSPHRASE_COMMAND

clean_up() {
    status=$?
    trap - EXIT INT TERM
    for profile in ada bob; do
        loom -p "$profile" stop >/dev/null 2>&1 || :
    done
    rm -rf "$folder"
    exit "$status"
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

say() { printf '\n== %s\n' "$*"; }

say 'Two profiles; the 24 words of a throwaway one are not worth keeping'
od -An -N16 -tx1 /dev/urandom | tr -d ' \n' >"$LOOM_PASSPHRASE_FILE"
for name in Ada Bob; do
    loom init --name "$name" --argon2-memory-mib 64 --show-phrase >/dev/null
done

say 'Each imports the token of the other'
loom -p ada token export --out "$folder/ada.token"
loom -p bob token export --out "$folder/bob.token"
loom -p ada token import "$folder/bob.token" --name Bob
loom -p bob token import "$folder/ada.token" --name Ada

say 'Two nodes, on loopback only'
for profile in ada bob; do
    loom -p "$profile" daemon --background --listen 127.0.0.1:0
done

say 'A message each way; --wait returns once it lies on the other disk'
loom -p ada send Bob 'Can you hear me?' --wait 30
loom -p bob send Ada 'Loud and clear.' --wait 30

say 'How they reached each other, and what Bob has kept'
loom -p ada peers
loom -p bob history Ada

say 'Both nodes stop'
loom -p ada stop
loom -p bob stop
