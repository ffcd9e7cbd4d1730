"""What the subjects share: sizes, servers that end with the run, clients that cost little, and the report."""

import hashlib
import json
import os
import signal
import socket
import statistics
import stat
import subprocess
import time
import uuid

BYTES = int(os.environ.get("BENCH_BYTES", 1 << 30))
ROUNDS = int(os.environ.get("BENCH_ROUNDS", 5))
SECONDS = int(os.environ.get("BENCH_SECONDS", 4))
COMMITS = int(os.environ.get("BENCH_COMMITS", 20000))
REPOSITORIES = int(os.environ.get("BENCH_REPOSITORIES", 10000))
ANNEXD = os.environ["ANNEXD"]
GIT_ANNEX = os.environ["GIT_ANNEX"]
CLIENT = "11111111-2222-4333-8444-555555555555"
MSG_TRUNC = 0x20  # TCP: the kernel counts and drops what has arrived, so the reader costs next to nothing


def size(count):
    for unit in ("B", "KiB", "MiB"):
        if count < 1024:
            return f"{count:.0f} {unit}"
        count /= 1024
    return f"{count:.1f} GiB"


class Report:
    """A table of one subject: medians with the spread between the quartiles, and ratios to the first of a group."""

    def __init__(self, title):
        self.title, self.rows, self.notes, self.failures = title, [], [], []

    def row(self, what, value, spread="", ratio="", goal=""):
        self.rows.append((what, value, spread, ratio, goal))

    def speeds(self, what, samples, unit, goals):
        """`samples` maps names to values where more is better; annexd first, `goals` maps baselines to least ratios."""
        own = samples["annexd"]
        self.row(f"{what}: annexd", f"{statistics.median(own):.4g} {unit}", spread(own))
        for name, values in samples.items():
            if name == "annexd" or not values:
                continue
            ratio = statistics.median(own) / statistics.median(values)
            goal = goals.get(name)
            verdict = "" if goal is None or ratio >= goal else " MISSED"
            if verdict and goal == 1 and statistics.quantiles(own, n=4)[2] >= statistics.quantiles(values, n=4)[0]:
                verdict = " (no difference: the quartiles overlap)"
            self.row(
                f"{what}: {name}", f"{statistics.median(values):.4g} {unit}", spread(values), f"{ratio:.2f}",
                "" if goal is None else f"≥ {goal}{verdict}")

    def limit(self, what, value, least_bad, unit, hard=False):
        missed = value > least_bad
        self.row(what, f"{value:.4g} {unit}", goal=f"≤ {least_bad} {unit}" + (" MISSED" if missed else ""))
        if missed and hard:
            self.fail(f"{what} is {value:.4g} {unit}, the limit is {least_bad} {unit}")

    def note(self, text):
        self.notes.append(text)

    def fail(self, text):
        self.failures.append(text)

    def text(self):
        head = ("what", "median", "quartiles", "annexd is × this", "goal")
        rows = [head, *self.rows]
        widths = [max(len(row[column]) for row in rows) for column in range(5)]
        line = lambda row: "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths)) + " |"
        out = [f"## {self.title}", "", line(head), "|" + "|".join("-" * (width + 2) for width in widths) + "|"]
        out += [line(row) for row in self.rows]
        if self.notes:
            out += ["", *self.notes]
        return "\n".join(out) + "\n"


def spread(values):
    if len(values) < 3:
        return ""
    quartiles = statistics.quantiles(values, n=4, method="inclusive")
    return f"{quartiles[0]:.4g}–{quartiles[2]:.4g}"


def make_removable(path):
    """Annexed content and its folders are read-only."""
    for folder, _, _ in os.walk(path):
        try:
            os.chmod(folder, stat.S_IRWXU)
        except OSError:
            pass


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Servers:
    """Starts servers on 127.0.0.1, each in a process group of its own, and ends that group: fcgiwrap leaves children."""

    def __init__(self, scratch):
        self.scratch, self.running = scratch, []
        home = os.path.join(scratch, "home")
        os.makedirs(home)
        self.environment = {
            **os.environ, "HOME": home, "GIT_CONFIG_NOSYSTEM": "1", "GIT_TERMINAL_PROMPT": "0",
            "PATH": os.path.dirname(GIT_ANNEX) + ":" + os.environ["PATH"],
            **{f"GIT_{role}_{what}": value for role in ("AUTHOR", "COMMITTER")
               for what, value in (("NAME", "bench"), ("EMAIL", "bench@annexd.invalid"))},
        }

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for process in reversed(self.running):
            self.stop(process)

    def path(self, *parts):
        return os.path.join(self.scratch, *parts)

    def command(self, *words, **options):
        options.setdefault("stdout", subprocess.DEVNULL)
        return subprocess.run(words, env=self.environment, check=True, stdin=subprocess.DEVNULL, **options)

    def start(self, *words, log="server.log", **options):
        with open(self.path(log), "ab") as file:
            options.setdefault("stdout", file)
            process = subprocess.Popen(
                words, env=self.environment, stdin=subprocess.DEVNULL, stderr=file, start_new_session=True, **options)
        self.running.append(process)
        return process

    def stop(self, process):
        if process in self.running:
            self.running.remove(process)
        self.signal(process, signal.SIGTERM)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            pass
        self.signal(process, signal.SIGKILL)
        process.wait()

    def signal(self, process, number):
        try:
            os.killpg(process.pid, number)
        except ProcessLookupError:
            pass

    def annexd(self, root, *options):
        """The process, its port, and the seconds until it said that it is ready."""
        began = time.perf_counter()
        process = self.start(
            ANNEXD, "serve", "--root", root, "--listen", "127.0.0.1:0", "--anonymous", "write", "--ready-json",
            *options, log="annexd.log", stdout=subprocess.PIPE)
        line = process.stdout.readline()
        seconds = time.perf_counter() - began
        if not line:
            raise RuntimeError("annexd did not start: " + open(self.path("annexd.log")).read()[-500:])
        url = json.loads(line)["urls"][0]
        return process, int(url.rstrip("/").rsplit(":", 1)[1]), seconds

    def nginx(self, servers, extra=""):
        """One nginx with the given `server` blocks."""
        os.makedirs(self.path("nginx"), exist_ok=True)
        user = "user root;" if os.getuid() == 0 else ""
        temporary = "".join(f"{kind}_temp_path {self.path('nginx', kind)};" for kind in (
            "client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        with open(self.path("nginx", "nginx.conf"), "w") as file:
            file.write(
                f"{user} worker_processes auto; daemon off; pid {self.path('nginx', 'pid')};\n"
                f"error_log {self.path('nginx', 'error.log')};\nevents {{ worker_connections 4096; }}\n"
                f"http {{ access_log off; sendfile on; sendfile_max_chunk 2m; tcp_nopush on; {temporary}\n"
                f"keepalive_requests 100000000; default_type application/octet-stream;\n{extra}\n{servers}\n}}\n")
        return self.start("nginx", "-e", self.path("nginx", "error.log"), "-c", self.path("nginx", "nginx.conf"))

    def p2phttp(self, repository):
        port = free_port()
        process = self.start(
            GIT_ANNEX, "p2phttp", "--wideopen", "--bind", "127.0.0.1", "--port", str(port), "-J4", cwd=repository,
            log="p2phttp.log")
        wait_for(port)
        return process, port

    def repository(self, root, name="bench"):
        """A bare annex below `root`; answers its folder and its UUID."""
        folder = os.path.join(root, name + ".git")
        self.command("git", "init", "-q", "--bare", folder)
        self.command(GIT_ANNEX, "init", "-q", "bench", cwd=folder)
        self.command("git", "config", "annex.diskreserve", "1mb", cwd=folder)
        identity = self.command("git", "config", "annex.uuid", cwd=folder, stdout=subprocess.PIPE)
        return folder, identity.stdout.decode().strip()


def wait_for(port, seconds=30):
    deadline = time.monotonic() + seconds
    while True:
        try:
            return socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            if time.monotonic() > deadline:
                raise RuntimeError(f"nobody listens on port {port}")
            time.sleep(0.05)


# Keys and objects


def random_file(path, count):
    with open(path, "wb") as file:
        while count > 0:
            file.write(os.urandom(min(count, 1 << 20)))
            count -= 1 << 20


def key_of(path, tail=b""):
    """The key of a file, its last bytes replaced by `tail`."""
    if tail:
        digest = hashlib.sha256()
        with open(path, "rb") as file:
            left = os.path.getsize(path) - len(tail)
            while piece := file.read(min(left, 1 << 20)):
                digest.update(piece)
                left -= len(piece)
        digest.update(tail)
        return f"SHA256-s{os.path.getsize(path)}--{digest.hexdigest()}"
    with open(path, "rb") as file:
        digest = hashlib.file_digest(file, "sha256") if hasattr(hashlib, "file_digest") else _digest(file)
    return f"SHA256-s{os.path.getsize(path)}--{digest.hexdigest()}"


def _digest(file):
    digest = hashlib.sha256()
    while piece := file.read(1 << 20):
        digest.update(piece)
    return digest


def object_path(folder, key):
    """Where a bare repository keeps the content of a key."""
    name = hashlib.md5(key.encode()).hexdigest()
    return os.path.join(folder, "annex", "objects", name[:3], name[3:6], key, key)


def add_object(folder, source, key):
    path = object_path(folder, key)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    os.link(source, path)


def drop_object(folder, key):
    path = object_path(folder, key)
    os.chmod(os.path.dirname(path), 0o700)
    os.unlink(path)


def key_url(identity, key):
    return f"/git-annex/{identity}/v4/key/{key}?clientuuid={CLIENT}"


# Clients


class Timer:
    def __enter__(self):
        self.began = time.perf_counter()
        return self

    def __exit__(self, *_):
        self.seconds = time.perf_counter() - self.began


def read_head(connection):
    """Status, headers in lower case, and the beginning of the body."""
    head = b""
    while b"\r\n\r\n" not in head:
        piece = connection.recv(65536)
        if not piece:
            raise RuntimeError(f"the connection ended within the head: {head!r}")
        head += piece
    head, rest = head.split(b"\r\n\r\n", 1)
    lines = head.decode("latin-1").split("\r\n")
    headers = dict(line.lower().split(": ", 1) for line in lines[1:])
    return int(lines[0].split()[1]), headers, rest


def get(port, target, drops=True):
    """Reads a body; answers its length and the seconds it took.

    `drops`: leaves it to the kernel to drop the bytes, so that the client costs next to nothing. Otherwise they come
    into memory, as with any real client.
    """
    buffer = bytearray(4 << 20 if drops else 256 << 10)
    flags = MSG_TRUNC if drops else 0
    with Timer() as timer, socket.create_connection(("127.0.0.1", port), 600) as connection:
        connection.sendall(f"GET {target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
        status, headers, rest = read_head(connection)
        if status != 200:
            raise RuntimeError(f"GET {target}: {status}")
        # A chunked body is counted with its framing, which is less than one part in a thousand.
        count, length = len(rest), int(headers.get("content-length", -1))
        while length < 0 or count < length:
            got = connection.recv_into(buffer, len(buffer), flags)
            if got == 0:
                break
            count += got
    return count, timer.seconds


def put(port, identity, key, path, tail=b"", prefix=""):
    """Sends a file, its last bytes replaced by `tail`; answers the seconds until it was stored."""
    length = os.path.getsize(path)
    with Timer() as timer, socket.create_connection(("127.0.0.1", port), 600) as connection:
        connection.sendall(
            f"POST {prefix}/git-annex/{identity}/v4/put?key={key}&clientuuid={CLIENT} HTTP/1.1\r\nHost: localhost\r\n"
            f"Content-Type: application/octet-stream\r\nX-git-annex-data-length: {length}\r\n"
            f"Content-Length: {length}\r\nConnection: close\r\n\r\n".encode())
        with open(path, "rb") as file:
            connection.sendfile(file, 0, length - len(tail))
        connection.sendall(tail)
        status, headers, body = read_head(connection)
        while piece := connection.recv(65536):
            body += piece
    if status != 200 or b'"stored":true' not in body:
        raise RuntimeError(f"PUT: {status} {body!r}")
    return timer.seconds


def post(port, target):
    """One small POST on a connection of its own; answers the seconds, and the status."""
    with Timer() as timer, socket.create_connection(("127.0.0.1", port), 60) as connection:
        connection.sendall(f"POST {target} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n".encode())
        status, _, _ = read_head(connection)
    return timer.seconds, status


# Processes


def status_of(pid, field):
    with open(f"/proc/{pid}/status") as file:
        for line in file:
            if line.startswith(field + ":"):
                return int(line.split()[1])
    raise KeyError(field)


def cpu_seconds(pid):
    with open(f"/proc/{pid}/stat") as file:
        fields = file.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def descriptors(pid):
    return len(os.listdir(f"/proc/{pid}/fd"))


def children(pid):
    with open(f"/proc/{pid}/task/{pid}/children") as file:
        return len(file.read().split())


def new_uuid():
    return str(uuid.uuid4())
