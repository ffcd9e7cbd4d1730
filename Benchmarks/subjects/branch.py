"""The git-annex branch: locations of 1,000 and of 1,000,000 keys

Both repositories are served by one annexd; requests to them take turns. A write is a `remove` of a key that the branch says
is here and the disk says is not: it reads the log, writes the journal durably, and touches no object. A read is the same
for a key that is not said to be here. A commit is what the first fetch after a write takes longer than one without.
"""

import contextlib
import hashlib
import os
import random
import socket
import statistics
import subprocess
import threading

import kit

SIZES = [int(size) for size in os.environ.get("BENCH_KEYS", "1000,1000000").split(",")]
SAMPLES = 40 * kit.ROUNDS
OTHER = "99999999-2222-4333-8444-555555555555"


def key(number):
    return f"SHA256-s5--{hashlib.sha256(str(number).encode()).hexdigest()}"


def path(number):
    name = key(number)
    digest = hashlib.md5(name.encode()).hexdigest()
    return f"{digest[:3]}/{digest[3:6]}/{name}.log"


def fill(servers, folder, identity, count):
    """Gives the branch `count` keys: those with even numbers are said to be here, all of them elsewhere."""
    process = subprocess.Popen(
        ["git", "--git-dir", folder, "fast-import", "--quiet", "--force"], stdin=subprocess.PIPE,
        env=servers.environment)
    write = process.stdin.write
    for mark, text in ((1, f"1700000000s 1 {identity}\n1700000000s 1 {OTHER}\n"), (2, f"1700000000s 1 {OTHER}\n")):
        write(f"blob\nmark :{mark}\ndata {len(text)}\n{text}\n".encode())
    write(b"commit refs/heads/git-annex\ncommitter x <x> 1700000000 +0000\ndata 1\nx\n"
          b"from refs/heads/git-annex^0\n")
    for number in range(count):
        write(f"M 100644 :{1 + number % 2} {path(number)}\n".encode())
    process.stdin.close()
    if process.wait() != 0:
        raise RuntimeError("git fast-import failed")
    # As it is after a while: one pack, and its commits in it.
    servers.command("git", "--git-dir", folder, "repack", "-adq", "--window=0", stderr=subprocess.DEVNULL)


class Connection:
    """One connection that stays, for POST requests without a body."""

    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port), 600)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def post(self, target):
        with kit.Timer() as timer:
            self.socket.sendall(f"POST {target} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n".encode())
            status, headers, body = kit.read_head(self.socket)
            while len(body) < int(headers["content-length"]):
                body += self.socket.recv(65536)
        if status != 200:
            raise RuntimeError(f"{target}: {status} {body!r}")
        return timer.seconds


def run(servers, report):
    root = servers.path("repositories")
    identities = {}
    for size in SIZES:
        folder, identities[size] = servers.repository(root, f"r{size}")
        with kit.Timer() as timer:
            fill(servers, folder, identities[size], size)
        report.note(f"{size} keys were made in {timer.seconds:.0f} s.")
    # As long as possible: a commit is to happen when it is measured.
    servers.environment["ANNEXD_BRANCH_COMMIT_DELAY_MILLISECONDS"] = "1000"
    server, port, _ = servers.annexd(root)
    connection = Connection(port)

    def remove(size, number):
        return connection.post(
            f"/r{size}/git-annex/{identities[size]}/v4/remove?key={key(number)}&clientuuid={kit.CLIENT}")

    def fetch(size):
        return kit.get(port, f"/r{size}.git/info/refs?service=git-upload-pack")[1]

    # Each key is written once only: afterwards the log says that it is not here.
    unused = {size: random.Random(size).sample(range(0, size, 2), size // 2) for size in SIZES}
    names = {
        "read": lambda size: remove(size, 1 + 2 * random.randrange(size // 2)),
        "write": lambda size: remove(size, unused[size].pop()),
    }
    samples = {(name, size): [] for name in (*names, "commit of 1", "commit of 10") for size in SIZES}
    for size in SIZES:
        for _ in range(10):
            names["read"](size)
            names["write"](size)
        fetch(size)
    # A thousand keys have five hundred that can be written once.
    rounds = min(SAMPLES, min(SIZES) // 2 - 100)
    for _ in range(rounds):
        for name, way in names.items():
            for size in SIZES:
                samples[name, size].append(way(size) * 1000)
    for size in SIZES:
        fetch(size)
    for count in (1, 10):
        for _ in range(min(kit.ROUNDS * 4, len(unused[min(SIZES)]) // count // 2)):
            for size in SIZES:
                idle = fetch(size)
                for _ in range(count):
                    names["write"](size)
                samples[f"commit of {count}", size].append(max(0.0, fetch(size) - idle) * 1000)

    small, large = min(SIZES), max(SIZES)
    for name in dict.fromkeys(name for name, _ in samples):
        for size in SIZES:
            values = samples[name, size]
            ratio = statistics.median(values) / statistics.median(samples[name, small])
            goal = "" if size != large else "≤ 1.5" + ("" if ratio <= 1.5 else " MISSED")
            report.row(
                f"{name}, {size} keys", f"{statistics.median(values):.3g} ms", kit.spread(values),
                "" if size == small else f"{ratio:.2f} of {small}", goal)
    report.row("annexd: peak RSS", f"{kit.status_of(server.pid, 'VmHWM') / 1024:.3g} MiB")
    pushes(servers, report, root, port, identities)


def pushes(servers, report, root, port, identities):
    """A push of one more key, and the push of everything into an empty repository."""
    large = max(SIZES)
    folder = os.path.join(root, f"r{large}.git")
    for size in SIZES:
        clone = servers.path(f"clone{size}.git")
        url = f"http://127.0.0.1:{port}/r{size}.git"
        servers.command("git", "clone", "-q", "--bare", "--single-branch", "-b", "git-annex", url, clone)
        values = []
        for number in range(max(3, kit.ROUNDS)):
            text = f"1700000000s 1 {OTHER}\n"
            script = (
                f"commit refs/heads/git-annex\ncommitter x <x> 1700000001 +0000\ndata 1\ny\nfrom refs/heads/git-annex^0\n"
                f"M 100644 inline {path(-1 - number)}\ndata {len(text)}\n{text}\n")
            servers.command("git", "--git-dir", clone, "fetch", "-q", "origin", "+git-annex:git-annex")
            subprocess.run(
                ["git", "--git-dir", clone, "fast-import", "--quiet"], input=script.encode(), check=True,
                env=servers.environment)
            with kit.Timer() as timer:
                servers.command("git", "--git-dir", clone, "push", "-q", "origin", "git-annex")
            values.append(timer.seconds * 1000)
        report.row(f"push of one key, {size} keys", f"{statistics.median(values):.4g} ms", kit.spread(values))
    for ref in ("git-annex", "synced/git-annex"):
        name = "push-" + ref.split("/")[0]
        kit_folder, identity = servers.repository(root, name)
        if ref == "git-annex":
            servers.command("git", "--git-dir", kit_folder, "update-ref", "-d", "refs/heads/git-annex")
        server, other, _ = servers.annexd(root)
        # Uploads make a branch of their own, on top of which nobody may push another one plainly.
        uploads = Uploads(servers, other, name, identity) if ref != "git-annex" else contextlib.nullcontext()
        with kit.Timer() as timer, uploads:
            servers.command(
                "git", "--git-dir", servers.path(f"clone{large}.git"), "push", "-q",
                f"http://127.0.0.1:{other}/{name}.git", f"+git-annex:{ref}")
        report.row(f"push of {large} keys to {ref}", f"{timer.seconds:.3g} s")
        if ref != "git-annex":
            report.row(
                f"  uploads meanwhile, {len(uploads.samples)}", f"{statistics.median(uploads.samples):.4g} ms",
                kit.spread(uploads.samples))
            report.row("  the longest of them", f"{max(uploads.samples):.4g} ms")
        report.row(f"  annexd: peak RSS", f"{kit.status_of(server.pid, 'VmHWM') / 1024:.3g} MiB")
        servers.stop(server)


class Uploads:
    """Uploads of small keys, one after the other, while something else goes on. Each is logged durably."""

    def __init__(self, servers, port, name, identity):
        self.port, self.prefix, self.identity = port, "/" + name, identity
        self.source = servers.path("small")
        kit.random_file(self.source, 1024)
        self.samples, self.error, self.ended = [], None, threading.Event()
        self.thread = threading.Thread(target=self.work)

    def __enter__(self):
        self.thread.start()

    def __exit__(self, *_):
        self.ended.set()
        self.thread.join()
        if self.error:
            raise self.error

    def work(self):
        try:
            while not self.ended.wait(0.05):
                tail = os.urandom(16)
                seconds = kit.put(
                    self.port, self.identity, kit.key_of(self.source, tail), self.source, tail, prefix=self.prefix)
                self.samples.append(seconds * 1000)
        except Exception as error:
            self.error = error
