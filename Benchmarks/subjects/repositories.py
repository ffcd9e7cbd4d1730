"""A host of many repositories

Copies of one small repository with a UUID each; the first start reads all of them, the second finds the files cached.
"""

import os
import shutil
import statistics
import time

import kit


def run(servers, report):
    root = servers.path("repositories")
    template, identity = servers.repository(servers.path("templates"))
    shutil.rmtree(os.path.join(template, "hooks"), ignore_errors=True)
    with open(os.path.join(template, "config")) as file:
        config = file.read()
    identities = []
    os.makedirs(root)
    for number in range(kit.REPOSITORIES):
        folder = os.path.join(root, f"r{number}.git")
        identities.append(kit.new_uuid())
        for part in ("objects/info", "objects/pack", "refs/heads", "refs/tags"):
            os.makedirs(os.path.join(folder, part))
        with open(os.path.join(folder, "HEAD"), "w") as file:
            file.write("ref: refs/heads/main\n")
        with open(os.path.join(folder, "config"), "w") as file:
            file.write(config.replace(identity, identities[-1]))
    key = "SHA256-s5--" + "0" * 64

    for what in ("first start", "second start"):
        server, port, seconds = servers.annexd(root)
        report.limit(f"{what}: ready after", seconds, 1, "s")
        by_path, by_uuid = [], []
        for step in range(20):
            # Spread over all of them, each asked once.
            for samples, number, prefix in (
                (by_path, step * 2 * kit.REPOSITORIES // 40, True), (by_uuid, (step * 2 + 1) * kit.REPOSITORIES // 40, False),
            ):
                path = f"/r{number}" if prefix else ""
                target = f"{path}/git-annex/{identities[number]}/v4/checkpresent?key={key}&clientuuid={kit.CLIENT}"
                taken, status = kit.post(port, target)
                if status != 200:
                    raise RuntimeError(f"{target}: {status}")
                samples.append(taken * 1000)
        for name, samples in (("path", by_path), ("UUID", by_uuid)):
            report.limit(f"{what}: slowest of {len(samples)} cold answers by {name}", max(samples), 50, "ms")
            report.row(f"{what}: cold answer by {name}", f"{statistics.median(samples):.3g} ms", kit.spread(samples))
        with kit.Timer() as timer:
            count, _ = kit.get(port, f"/r{kit.REPOSITORIES - 1}.git/info/refs?service=git-upload-pack")
        report.row(f"{what}: cold git info/refs", f"{timer.seconds * 1000:.3g} ms")
        # What was made within the last seconds is read once more.
        time.sleep(5)
        cpu = kit.cpu_seconds(server.pid)
        time.sleep(10)
        report.limit(f"{what}: peak RSS", kit.status_of(server.pid, "VmHWM") / 1024, 100, "MiB")
        report.limit(f"{what}: descriptors", kit.descriptors(server.pid), 100, "")
        report.limit(f"{what}: child processes", kit.children(server.pid), 0, "")
        report.limit(f"{what}: idle CPU", (kit.cpu_seconds(server.pid) - cpu) / 10 * 100, 2, "%")
        servers.stop(server)
