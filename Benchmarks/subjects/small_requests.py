"""Small requests on 16 connections

GET of 1,000 keys of 4 KiB, and checkpresent, from wrk on 16 keep-alive connections; p2phttp with 4 workers.
"""

import json
import os
import re
import subprocess

import kit

KEYS = 1000

SCRIPT = """
local requests, index = {}, 0
function init(arguments)
    for line in io.lines("%s") do requests[#requests + 1] = wrk.format("%s", line) end
    index = math.random(#requests)
end
function request() index = index %% #requests + 1; return requests[index] end
function done(summary, latency)
    local e = summary.errors
    print(string.format('RESULT {"count": %%d, "microseconds": %%d, "errors": %%d, "p99": %%d}', summary.requests,
        summary.duration, e.connect + e.read + e.write + e.status + e.timeout, latency:percentile(99)))
end
"""


def load(servers, name, port, method, targets):
    """Requests per second and the 99th percentile in milliseconds."""
    script, lines = servers.path(name + ".lua"), servers.path(name + ".txt")
    if not os.path.exists(script):
        with open(lines, "w") as file:
            file.write("".join(target + "\n" for target in targets))
        with open(script, "w") as file:
            file.write(SCRIPT % (lines, method))
    out = servers.command(
        "wrk", "-t1", "-c16", f"-d{kit.SECONDS}s", "-s", script, f"http://127.0.0.1:{port}/",
        stdout=subprocess.PIPE).stdout.decode()
    result = json.loads(re.search("RESULT (.*)", out).group(1))
    if result["errors"] > 0 or result["count"] == 0:
        raise RuntimeError(f"{name}: {result}")
    return result["count"] / result["microseconds"] * 1e6, result["p99"] / 1000


def run(servers, report):
    root = servers.path("repositories")
    folder, identity = servers.repository(root)
    os.makedirs(servers.path("static"))
    keys = []
    for number in range(KEYS):
        source = servers.path("static", str(number))
        kit.random_file(source, 4096)
        os.truncate(source, 4096)
        keys.append(kit.key_of(source))
        kit.add_object(folder, source, keys[-1])
    server, port, _ = servers.annexd(root)
    static, constant = kit.free_port(), kit.free_port()
    servers.nginx(
        f"server {{ listen 127.0.0.1:{static}; root {servers.path('static')}; }}\n"
        f"server {{ listen 127.0.0.1:{constant}; location / {{ return 200 '{{\"present\":true}}'; }} }}")
    kit.wait_for(constant)
    _, stock = servers.p2phttp(folder)
    gets = [kit.key_url(identity, key) for key in keys]
    checks = [f"/git-annex/{identity}/v4/checkpresent?key={key}&clientuuid={kit.CLIENT}" for key in keys]
    plans = {
        "4 KiB GET": {
            "annexd": (port, "GET", gets), "nginx static": (static, "GET", [f"/{n}" for n in range(KEYS)]),
            "p2phttp": (stock, "GET", gets),
        },
        "checkpresent": {
            "annexd": (port, "POST", checks), "nginx return": (constant, "POST", checks),
            "p2phttp": (stock, "POST", checks),
        },
    }
    goals = {"4 KiB GET": {"nginx static": 0.6, "p2phttp": 20}, "checkpresent": {"nginx return": 0.5, "p2phttp": 5}}
    for what, plan in plans.items():
        samples, slow, cpu = {name: [] for name in plan}, {name: [] for name in plan}, []
        for round in range(kit.ROUNDS + 1):
            for name, (at, method, targets) in plan.items():
                before = kit.cpu_seconds(server.pid)
                rate, p99 = load(servers, f"{what}-{name}".replace(" ", "-"), at, method, targets)
                used = kit.cpu_seconds(server.pid) - before
                if round == 0:
                    continue
                samples[name].append(rate)
                slow[name].append(p99)
                if name == "annexd":
                    cpu.append(used / (rate * kit.SECONDS) * 1e6)
        report.speeds(what, samples, "/s", goals[what])
        slowest = ", ".join(f"{name} {sorted(values)[len(values) // 2]:.2f} ms" for name, values in slow.items())
        report.note(f"{what}: annexd used {min(cpu):.0f} µs of CPU per request; 99th percentile: {slowest}.")
