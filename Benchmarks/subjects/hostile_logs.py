"""Requests to a repository whose logs were pushed to cost as much as possible

Two gateways of one annexd: a small one, and one to which somebody has pushed proxy.log, uuid.log, trust.log, remote.log and a
key's log as large and as tangled as a push may bring. Each kind of request takes turns between the two; more requests per
second are better, and the small one is the baseline. Then 60 requests come at once, right after a push has changed the
logs, and meanwhile /-/health is asked.
"""

import os
import socket
import statistics
import subprocess
import threading
import time

import kit

SAMPLES = 60 * kit.ROUNDS
CROWD = 60
REMOTE = "99999999-2222-4333-8444-555555555555"


def hostile_files(own, log):
    """What a push brings, each below its limit."""
    now = int(time.time())
    names = [f"{own}:z{number}" for number in range(9000)]
    others = [f"b:m{number}" for number in range(40_000)]
    hyphens = [f"c{number}:" + "z1-" * 80 + str(number) for number in range(900)]
    lines = {
        "proxy.log": [f"{now}s {REMOTE} " + " ".join(names[:1000] + hyphens + names[1000:] + others),
                      f"{now}s {own} zzz:foo " + " ".join(f"y{number}:foo{number}" for number in range(20_000))],
        "uuid.log": [f"u{number} {'x' * 100} timestamp={now}s" for number in range(95_000)],
        "trust.log": [f"u{number} 1 timestamp={now}s" for number in range(95_000)],
        "remote.log": [f"u{number} name=n{number} sameas-uuid=u{number + 1} timestamp={now}s" for number in range(95_000)],
        log: [f"{now}s 1 v{number}" for number in range(45_000)],
    }
    return {path: ("\n".join(text) + "\n").encode() for path, text in lines.items()}


def push(servers, url, files, mark):
    """Pushes a commit with these files on top of the branch to synced/git-annex, as a client does; returns the seconds."""
    forge = servers.path("forge.git")
    if not os.path.exists(forge):
        servers.command("git", "init", "-q", "--bare", forge)
    servers.command("git", "--git-dir", forge, "fetch", "-q", url, "+refs/heads/git-annex:refs/heads/x")
    process = subprocess.Popen(
        ["git", "--git-dir", forge, "fast-import", "--quiet", "--force"], stdin=subprocess.PIPE,
        env=servers.environment)
    write = process.stdin.write
    write(b"commit refs/heads/x\ncommitter x <x> 1700000000 +0000\ndata 1\nx\nfrom refs/heads/x^0\n")
    for path, content in {**files, "numcopies.log": f"{1700000000 + mark}s 2\n".encode()}.items():
        write(f"M 100644 inline {path}\ndata {len(content)}\n".encode() + content + b"\n")
    process.stdin.close()
    if process.wait() != 0:
        raise RuntimeError("git fast-import failed")
    with kit.Timer() as timer:
        servers.command(
            "git", "--git-dir", forge, "push", "-q", url, "+x:refs/heads/synced/git-annex", stderr=subprocess.DEVNULL)
    return timer.seconds


class Connection:
    """One connection that stays, unless the server closes it after a refusal."""

    def __init__(self, port):
        self.port, self.socket = port, None

    def ask(self, method, target, expected):
        if self.socket is None:
            self.socket = socket.create_connection(("127.0.0.1", self.port), 600)
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with kit.Timer() as timer:
            self.socket.sendall(f"{method} {target} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n".encode())
            status, headers, body = kit.read_head(self.socket)
            while len(body) < int(headers["content-length"]):
                body += self.socket.recv(65536)
        if headers.get("connection", "") == "close":
            self.socket.close()
            self.socket = None
        if status != expected:
            raise RuntimeError(f"{target}: {status} {body[:200]!r}, not {expected}")
        return timer.seconds


def run(servers, report):
    root = servers.path("repositories")
    source = servers.path("content")
    kit.random_file(source, 1000)
    key = kit.key_of(source)
    identities, logs = {}, {}
    for name in ("small", "hostile"):
        folder, identities[name] = servers.repository(root, name)
        kit.add_object(folder, source, key)
        servers.command(kit.GIT_ANNEX, "setpresentkey", key, identities[name], "1", cwd=folder)
        servers.command(kit.GIT_ANNEX, "merge", "-q", cwd=folder)
        for setting, value in {
                "annexurl": f"annex+http://127.0.0.1:{kit.free_port()}/x", "annex-uuid": REMOTE, "annex-proxy": "true",
        }.items():
            servers.command("git", "config", f"remote.far.{setting}", value, cwd=folder)
        command = servers.command(
            kit.GIT_ANNEX, "examinekey", "--format=${hashdirlower}${key}.log", key, cwd=folder, stdout=subprocess.PIPE)
        logs[name] = command.stdout.decode().strip()
    server, port, _ = servers.annexd(root)
    url = {name: f"http://127.0.0.1:{port}/{name}.git" for name in identities}
    now = int(time.time())
    small = {"proxy.log": f"{now}s {identities['small']} zzz:foo\n".encode()}
    hostile = hostile_files(identities["hostile"], logs["hostile"])
    for name, files in (("small", small), ("hostile", hostile)):
        seconds = push(servers, url[name], files, 1)
        report.row(f"the push to the {name} one", f"{seconds:.2f} s")

    def p2p(name, uuid, operation):
        return "POST", f"/{name}/git-annex/{uuid}/v4/{operation}?key={key}&clientuuid={kit.CLIENT}"

    kinds = {
        "checkpresent": lambda name: (*p2p(name, identities[name], "checkpresent"), 200),
        "putoffset of a key that is here": lambda name: (*p2p(name, identities[name], "putoffset"), 200),
        "for a UUID that nobody knows": lambda name: (*p2p(name, "nobody", "checkpresent"), 404),
        "for a UUID that git config does not allow": lambda name: (*p2p(name, "zzz", "checkpresent"), 502),
    }
    connection = Connection(port)
    for what, target in kinds.items():
        samples = {name: [] for name in ("hostile", "small")}
        for name in samples:
            first = connection.ask(*target(name))
            if name == "hostile":
                report.row(f"{what}: the first one", f"{first * 1000:.3g} ms")
        for _ in range(SAMPLES):
            for name, values in samples.items():
                values.append(1 / connection.ask(*target(name)))
        report.speeds(
            what, {"annexd": samples["hostile"], "the small repository": samples["small"]}, "/s",
            {"the small repository": 0.5})

    # A crowd, right after a push: whatever has to be computed is not computed yet.
    slowest, health = {}, {}
    for name, files in (("small", small), ("hostile", hostile)):
        slowest[name], health[name] = [], []
        for round in range(kit.ROUNDS):
            push(servers, url[name], files, 2 + round)
            one, other = crowd(port, [kinds["for a UUID that nobody knows"](name),
                                      kinds["for a UUID that git config does not allow"](name)])
            slowest[name].append(one)
            health[name].append(other)
    report.row(f"slowest of {CROWD} at once: small", f"{statistics.median(slowest['small']) * 1000:.3g} ms")
    report.row(f"slowest of {CROWD} at once: hostile", f"{statistics.median(slowest['hostile']) * 1000:.3g} ms")
    report.row("slowest /-/health meanwhile: small", f"{statistics.median(health['small']) * 1000:.3g} ms")
    report.limit(
        "slowest /-/health meanwhile: hostile", statistics.median(health["hostile"]) * 1000, 250, "ms", hard=True)
    report.limit("peak RSS", kit.status_of(server.pid, "VmHWM") / 1024, 200, "MiB")


def crowd(port, targets):
    """The slowest of many requests that come together, and the slowest answer to /-/health while they run; in seconds."""
    taken, errors, isOver = [], [], threading.Event()

    def ask(number):
        try:
            taken.append(Connection(port).ask(*targets[number % len(targets)]))
        except Exception as error:
            errors.append(error)

    def check():
        connection = Connection(port)
        while True:
            healths.append(connection.ask("GET", "/-/health", 200))
            if isOver.is_set():
                return
            time.sleep(0.002)

    healths = []
    watcher = threading.Thread(target=check)
    threads = [threading.Thread(target=ask, args=(number,)) for number in range(CROWD)]
    watcher.start()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    isOver.set()
    watcher.join()
    if errors:
        raise errors[0]
    return max(taken), max(healths)
