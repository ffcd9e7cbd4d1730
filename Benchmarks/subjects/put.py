"""PUT of a large key, verified and durable

annexd and p2phttp receive a SHA256 key; the baseline writes the same file and hashes it on the way, then syncs it.
"""

import os
import subprocess

import kit


def run(servers, report):
    root = servers.path("repositories")
    folder, identity = servers.repository(root)
    source = servers.path("large")
    kit.random_file(source, kit.BYTES)
    key = kit.key_of(source)
    server, port, _ = servers.annexd(root)
    _, stock = servers.p2phttp(folder)
    copy = servers.path("copy")

    def shell():
        with kit.Timer() as timer:
            servers.command("sh", "-c", 'tee "$2" <"$1" | openssl dgst -sha256 && sync "$2"', "sh", source, copy)
        os.unlink(copy)
        return timer.seconds

    def store(at):
        seconds = kit.put(at, identity, key, source)
        kit.drop_object(folder, key)
        return seconds

    ways = {"annexd": lambda: store(port), "tee | openssl, sync": shell, "p2phttp": lambda: store(stock)}
    samples, cpu = {name: [] for name in ways}, []
    for round in range(kit.ROUNDS + 1):
        for name, way in ways.items():
            if name == "p2phttp" and round > 3:
                continue
            os.sync()  # what another one left to write must not count
            before = kit.cpu_seconds(server.pid)
            seconds = way()
            if round > 0:
                samples[name].append(kit.BYTES / seconds / 1048576)
            if name == "annexd":
                cpu.append(kit.cpu_seconds(server.pid) - before)
    report.speeds("1 connection", samples, "MiB/s", {"tee | openssl, sync": 0.8, "p2phttp": 4})
    report.note(f"annexd used {min(cpu) / (kit.BYTES / (1 << 30)):.2f} s of CPU per GiB.")
