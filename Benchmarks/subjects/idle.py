"""Idle connections

Connections that have made one request each and then wait; memory as seen by the kernel.
"""

import resource
import socket

import kit


def run(servers, report):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 16384), hard))
    root = servers.path("repositories")
    _, identity = servers.repository(root)
    server, port, _ = servers.annexd(root)
    request = f"POST /git-annex/{identity}/v4/gettimestamp?clientuuid={kit.CLIENT} HTTP/1.1\r\n".encode()
    request += b"Host: localhost\r\nContent-Length: 0\r\n\r\n"
    connections = []

    def grow(count):
        while len(connections) < count:
            connection = socket.create_connection(("127.0.0.1", port), 30)
            connection.sendall(request)
            status, _, _ = kit.read_head(connection)
            if status != 200:
                raise RuntimeError(f"gettimestamp: {status}")
            connections.append(connection)
        return kit.status_of(server.pid, "Threads"), kit.status_of(server.pid, "VmRSS")

    try:
        threads, memory = grow(64)  # warms up every thread
        for count in (1000, 2000):
            now, resident = grow(count)
            report.limit(f"{count} connections: memory of each", (resident - memory) / (count - 64), 64, "KiB")
            report.limit(f"{count} connections: threads beyond those of 64", now - threads, 0, "")
        report.note(f"{threads} threads, {resident / 1024:.0f} MiB in all, {kit.descriptors(server.pid)} descriptors.")
    finally:
        for connection in connections:
            connection.close()
