"""Memory under load

8 readers as fast as they can, 8 writers of distinct keys, and both at once; a fresh server for each.
"""

import hashlib
import os
import threading

import kit

CLIENTS = 8
LIMIT = 120  # MiB


def run(servers, report):
    source = servers.path("large")
    kit.random_file(source, kit.BYTES)
    prefix, tails = hashlib.sha256(), [os.urandom(16) for _ in range(CLIENTS)]
    with open(source, "rb") as file:
        left = kit.BYTES - 16
        while piece := file.read(min(left, 1 << 20)):
            prefix.update(piece)
            left -= len(piece)
    writes = []
    for tail in tails:
        digest = prefix.copy()
        digest.update(tail)
        writes.append((f"SHA256-s{kit.BYTES}--{digest.hexdigest()}", tail))
    readable = kit.key_of(source)
    plans = {"8 readers": (CLIENTS, 0), "8 writers": (0, CLIENTS), "8 readers and 8 writers": (CLIENTS, CLIENTS)}
    for number, (what, (readers, writers)) in enumerate(plans.items()):
        root = servers.path(f"repositories{number}")
        folder, identity = servers.repository(root)
        kit.add_object(folder, source, readable)
        server, port, _ = servers.annexd(root)
        before = kit.status_of(server.pid, "VmRSS") / 1024
        errors, jobs = [], []

        def attempt(work, *arguments):
            try:
                work(*arguments)
            except Exception as error:
                errors.append(error)

        for _ in range(readers):
            jobs.append(threading.Thread(target=attempt, args=(kit.get, port, kit.key_url(identity, readable))))
        for key, tail in writes[:writers]:
            jobs.append(threading.Thread(target=attempt, args=(kit.put, port, identity, key, source, tail)))
        with kit.Timer() as timer:
            for job in jobs:
                job.start()
            for job in jobs:
                job.join()
        if errors:
            raise errors[0]
        report.limit(f"{what}: peak RSS", kit.status_of(server.pid, "VmHWM") / 1024, LIMIT, "MiB", hard=True)
        total = (readers + writers) * kit.BYTES / timer.seconds / 1048576
        report.note(f"{what}: {before:.0f} MiB before, {total:.0f} MiB/s in all.")
        servers.stop(server)
        for key, _ in writes[:writers]:
            kit.drop_object(folder, key)
