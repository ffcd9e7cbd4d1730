#!/usr/bin/env bash
# Serves a folder of repositories in the foreground, and on the first run pushes a demo repository into it with the
# stock client: `make serve` calls it as  demo.sh ANNEXD ROOT ADDRESS GIT_ANNEX
set -euo pipefail

annexd=$1 root=$2 address=$3 git_annex=$(realpath "$4")
url="http://$address"
server='' scratch='' unfinished=''

say() { printf '%s\n' "$*" >&2; }

stop() {
    status=$?
    trap '' INT TERM
    trap - EXIT
    if [ -n "$server" ]; then
        kill -TERM "$server" 2>/dev/null || true
        wait "$server" 2>/dev/null || true
    fi
    if [ -n "$unfinished" ]; then
        chmod -R u+w "$unfinished" 2>/dev/null || true
        rm -rf "$unfinished"   # otherwise the next run would take half a demo for a whole one
    fi
    if [ -n "$scratch" ]; then
        chmod -R u+w "$scratch" && rm -rf "$scratch"   # annexed content is read-only
    fi
    exit "$status"
}
trap stop EXIT
trap 'exit 0' INT TERM

if (exec 3<>"/dev/tcp/${address%:*}/${address##*:}") 2>/dev/null; then
    say "$address is in use by another program. Stop it, or choose another: make serve LISTEN=127.0.0.1:9418"
    exit 1
fi

mkdir -p "$root"
scratch=$(mktemp -d)
if [ -e "$root/demo.git" ]; then right=read; else right=append; fi

# Ctrl-C reaches every process of the terminal; setsid keeps it from the server, which gets one clean TERM from `stop`.
start() { # RIGHT
    setsid "$annexd" serve --root "$root" --listen "$address" --anonymous "$1" --ready-json >"$scratch/ready" &
    server=$!
    for _ in $(seq 300); do
        if grep -q '"ready":true' "$scratch/ready" 2>/dev/null; then return; fi
        kill -0 "$server" 2>/dev/null || break
        sleep 0.1
    done
    say "annexd did not start; what it said is above"
    exit 1
}

make_demo() (
    # A HOME of its own: the demo must neither need nor change anybody's git configuration.
    export HOME="$scratch/home" GIT_CONFIG_NOSYSTEM=1 GIT_TERMINAL_PROMPT=0 PATH="$(dirname "$git_annex"):$PATH"
    unset GIT_CONFIG_GLOBAL XDG_CONFIG_HOME GIT_DIR GIT_WORK_TREE
    mkdir "$HOME"
    git config --global user.name annexd
    git config --global user.email demo@annexd.invalid
    git config --global init.defaultBranch main
    git config --global annex.security.allowed-ip-addresses all
    git init -q "$scratch/demo"
    cd "$scratch/demo"
    git annex init -q demo
    cat >README.md <<'TEXT'
This is a demo. `git annex get noise.bin` fetches a file of 8 MiB that git does not carry.
TEXT
    git add README.md
    head -c 8388608 /dev/urandom >noise.bin
    git annex add -q noise.bin
    git commit -q -m "A file that git-annex carries"
    git remote add origin "$url/demo.git"
    git push -q origin main git-annex
    git annex copy -q --to=origin noise.bin
    git annex sync -q --no-content --no-resolvemerge origin >/dev/null
)

start "$right"
if [ "$right" = append ]; then
    say "making the demo repository"
    unfinished="$root/demo.git"
    # Else git-annex finds no repository before the first push, and says so.
    "$annexd" repo create --root "$root" demo >/dev/null
    make_demo >&2
    unfinished=''
    # From now on people without a login may only read, which is the default of annexd.
    kill -TERM "$server"
    wait "$server" || true
    start read
fi

# A git that does not know who its user is refuses to commit, and git-annex with it.
identity=''
if [ -z "$(git config --global user.email || true)" ]; then
    identity='
    git config --global user.name "Your Name" && git config --global user.email you@example.org'
fi
cat >&2 <<TEXT

annexd serves $root at $url/ until Ctrl-C. In another terminal:

    export PATH="$(dirname "$git_annex"):\$PATH"
    git config --global annex.security.allowed-ip-addresses all$identity
    git clone $url/demo.git
    cd demo && git annex get noise.bin

The first line provides a recent git-annex; many distributions have one from before 2024, which cannot do this yet. The
second is needed once: git-annex refuses addresses of the local network unless it is told otherwise.

TEXT
wait "$server"
