"""GET of a large key over plain HTTP

annexd, nginx with sendfile, and p2phttp send the same file; the client drops the bytes in the kernel.
"""

import os

import kit


def run(servers, report):
    root = servers.path("repositories")
    folder, identity = servers.repository(root)
    source = servers.path("large")
    kit.random_file(source, kit.BYTES)
    key = kit.key_of(source)
    kit.add_object(folder, source, key)
    server, port, _ = servers.annexd(root)
    static = kit.free_port()
    servers.nginx(f"server {{ listen 127.0.0.1:{static}; root {servers.scratch}; }}")
    kit.wait_for(static)
    _, stock = servers.p2phttp(folder)
    targets = {
        "annexd": (port, kit.key_url(identity, key)), "nginx sendfile": (static, "/large"),
        "p2phttp": (stock, kit.key_url(identity, key)),
    }
    samples = {name: [] for name in targets}
    cpu = []
    for name in list(targets) * (kit.ROUNDS + 1):
        if name == "p2phttp" and len(samples[name]) >= 3:
            continue
        before = kit.cpu_seconds(server.pid)
        count, seconds = kit.get(*targets[name])
        if count < kit.BYTES:
            raise RuntimeError(f"{name} sent {count} of {kit.BYTES} bytes")
        samples[name].append(kit.BYTES / seconds / 1048576)
        if name == "annexd":
            cpu.append(kit.cpu_seconds(server.pid) - before)
    for values in samples.values():
        del values[0]  # connections, pages and pools were cold
    report.speeds("1 connection", samples, "MiB/s", {"nginx sendfile": 1.0, "p2phttp": 1.5})
    report.note(f"annexd used {min(cpu) / (kit.BYTES / (1 << 30)):.2f} s of CPU per GiB.")
