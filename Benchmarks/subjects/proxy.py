"""GET and PUT through a gateway

A hosted repository that proxies another one of the same host, by path, and one of another annexd on this machine, over
annex+http. The baseline is the same transfer straight to the repository that holds the content. The client reads the
bytes into its memory. Unlike a direct transfer, one over annex+http is hashed on its way.
"""

import hashlib
import os
import sys
import threading

import kit

STREAMS = 8
LIMIT = 100  # MiB


def run(servers, report):
    size = min(kit.BYTES, 512 << 20)
    source = servers.path("large")
    kit.random_file(source, size)
    key = kit.key_of(source)
    near, far = servers.path("near"), servers.path("far")
    gateway, identity = servers.repository(near, "gateway")
    node, local = servers.repository(near, "node")
    archive, distant = servers.repository(far, "archive")
    _, far_port, _ = servers.annexd(far)
    for name, target, settings in (
        ("local", local, {"url": node}),
        ("far", distant, {
            "url": f"http://127.0.0.1:{far_port}/archive.git", "annexUrl": f"annex+http://127.0.0.1:{far_port}/archive"}),
    ):
        for setting, value in {**settings, "annex-uuid": target, "annex-proxy": "true"}.items():
            servers.command("git", "config", f"remote.{name}.{setting}", value, cwd=gateway)
    servers.command(kit.ANNEXD, "proxy", "update", "--root", near, "gateway")
    server, port, _ = servers.annexd(near)
    through = "/gateway"

    # name: port, prefix of the path, repository, and the folder that holds the content
    ways = {
        "annexd": (port, through, distant, archive),
        "direct": (far_port, "/archive", distant, archive),
        "local": (port, through, local, node),
        "hosted": (port, "/node", local, node),
    }
    for folder in (archive, node):
        kit.add_object(folder, source, key)
    passing = kit.free_port()
    servers.nginx(
        f"server {{ listen 127.0.0.1:{passing}; location / {{ proxy_pass http://127.0.0.1:{far_port};"
        ' proxy_http_version 1.1; proxy_set_header Connection ""; proxy_max_temp_file_size 0;'
        " proxy_buffer_size 64k; proxy_buffers 16 256k; proxy_busy_buffers_size 1m; } }")
    kit.wait_for(passing)
    relay = kit.free_port()
    servers.start(sys.executable, os.path.join(os.path.dirname(kit.__file__), "relay.py"), str(relay), str(far_port))
    kit.wait_for(relay)
    get_ways = {
        **ways, "nginx": (passing, "/archive", distant, archive), "relay": (relay, "/archive", distant, archive)}
    samples = {name: [] for name in get_ways}
    for name in order(get_ways):
        at, prefix, repository, _ = get_ways[name]
        count, seconds = kit.get(at, prefix + kit.key_url(repository, key), drops=False)
        if count < size:
            raise RuntimeError(f"{name} sent {count} of {size} bytes")
        samples[name].append(size / seconds / 1048576)
    add(report, "GET", samples)
    saved(servers, report, {"annexd": ways["annexd"], "direct": ways["direct"]}, distant, key, size)
    with open(source, "rb") as file, kit.Timer() as timer:
        hashlib.file_digest(file, "sha256")
    report.note(f"One core hashes {size / timer.seconds / 1048576:.0f} MiB/s; client and both servers share {os.cpu_count()}.")

    for folder in (archive, node):
        kit.drop_object(folder, key)
    samples = {name: [] for name in ways}
    for name in order(ways):
        at, prefix, repository, folder = ways[name]
        os.sync()
        seconds = kit.put(at, repository, key, source, prefix=prefix)
        samples[name].append(size / seconds / 1048576)
        kit.drop_object(folder, key)
    add(report, "PUT", samples)

    kit.add_object(archive, source, key)
    memory(servers, report, server, lambda: kit.get(port, through + kit.key_url(distant, key), drops=False), "GET", size)
    tails = [os.urandom(16) for _ in range(STREAMS)]
    keys = [kit.key_of(source, tail) for tail in tails]
    jobs = iter(zip(keys, tails))

    def store():
        with lock:
            name, tail = next(jobs)
        kit.put(port, distant, name, source, tail, prefix=through)

    lock = threading.Lock()
    memory(servers, report, server, store, "PUT", size)
    stock(servers, report, {"annexd": (port, "gateway"), "direct": (far_port, "archive")}, source, size)


def saved(servers, report, ways, repository, key, size):
    """The same GET by a client that keeps what it gets."""
    file = servers.path("saved")
    samples = {name: [] for name in ways}
    for name in order(ways):
        port, prefix, _, _ = ways[name]
        with kit.Timer() as timer:
            servers.command("curl", "-sf", "-o", file, f"http://127.0.0.1:{port}{prefix}{kit.key_url(repository, key)}")
        if os.path.getsize(file) != size:
            raise RuntimeError(f"curl has got another file from {name}")
        os.unlink(file)
        samples[name].append(size / timer.seconds / 1048576)
    for values in samples.values():
        del values[0]
    report.speeds("GET over annex+http, saved by curl", samples, "MiB/s", {"direct": 0.5})


def stock(servers, report, hosts, source, size):
    """The same GET as `git annex get` does it, which verifies what it receives."""
    tree = servers.path("stock")
    servers.command("git", "config", "--global", "annex.security.allowed-ip-addresses", "all")
    servers.command("git", "init", "-q", tree)
    servers.command(kit.GIT_ANNEX, "init", "-q", "stock", cwd=tree)
    for name, (port, repository) in hosts.items():
        servers.command("git", "remote", "add", name, f"http://127.0.0.1:{port}/{repository}", cwd=tree)
        servers.command("git", "fetch", "-q", name, cwd=tree)
    servers.command("cp", source, os.path.join(tree, "file"))
    servers.command(kit.GIT_ANNEX, "add", "-q", "file", cwd=tree)
    servers.command(kit.GIT_ANNEX, "move", "-q", "--to", "direct", "file", cwd=tree)
    samples = {name: [] for name in hosts}
    for name in order(hosts):
        # The gateway calls the remote `far`, so its clients see `annexd-far`.
        remote = {"annexd": "annexd-far"}.get(name, name)
        with kit.Timer() as timer:
            servers.command(kit.GIT_ANNEX, "get", "-q", "--from", remote, "file", cwd=tree)
        if os.path.getsize(os.path.join(tree, "file")) != size:
            raise RuntimeError(f"git annex get from {remote} brought another file")
        servers.command(kit.GIT_ANNEX, "drop", "-q", "--force", "file", cwd=tree)
        samples[name].append(size / timer.seconds / 1048576)
    for values in samples.values():
        del values[0]
    report.speeds("`git annex get` over annex+http", samples, "MiB/s", {"direct": 0.5})


def order(ways):
    """Each way once per round, in turn from the first and from the last: a transfer may profit from the one before."""
    for round in range(kit.ROUNDS + 1):
        yield from list(ways) if round % 2 == 0 else reversed(ways)


def add(report, what, samples):
    for values in samples.values():
        del values[0]  # connections, pages and pools were cold
    over = {"annexd": samples["annexd"], "direct": samples["direct"]}
    if "nginx" in samples:
        over["nginx proxy_pass, which verifies nothing"] = samples["nginx"]
        over["a relay that only hashes"] = samples["relay"]
        what += ", thrown away,"
    report.speeds(f"{what} over annex+http", over, "MiB/s", {"direct": 0.5})
    report.speeds(
        f"{what} to a local target", {"annexd": samples["local"], "the hosted repository itself": samples["hosted"]},
        "MiB/s", {"the hosted repository itself": 1.0})


def memory(servers, report, server, work, what, size):
    errors = []

    def attempt():
        try:
            work()
        except Exception as error:
            errors.append(error)

    with open(f"/proc/{server.pid}/clear_refs", "w") as file:
        file.write("5")
    jobs = [threading.Thread(target=attempt) for _ in range(STREAMS)]
    with kit.Timer() as timer:
        for job in jobs:
            job.start()
        for job in jobs:
            job.join()
    if errors:
        raise errors[0]
    report.limit(
        f"{STREAMS} × {what} over annex+http: peak RSS of the gateway", kit.status_of(server.pid, "VmHWM") / 1024, LIMIT,
        "MiB", hard=True)
    report.note(f"{STREAMS} × {what}: {STREAMS * size / timer.seconds / 1048576:.0f} MiB/s in all.")
