"""Runs the subjects, prints what they found and writes it to results/<date>.md; exit 1 when a hard limit is broken."""

import datetime
import importlib
import os
import signal
import sys
import tempfile
import traceback

import kit

SUBJECTS = [
    "large_get", "tls_get", "small_requests", "put", "memory", "proxy", "idle", "clone", "repositories", "branch",
    "hostile_logs"]


def machine():
    with open("/proc/cpuinfo") as file:
        models = [line.split(":", 1)[1].strip() for line in file if line.startswith("model name")]
    with open("/proc/meminfo") as file:
        memory = int(file.readline().split()[1]) // 1048576
    load = os.getloadavg()
    return (
        f"{os.cpu_count()} cores ({models[0] if models else 'unknown'}), {memory} GiB, Linux {os.uname().release}; "
        f"load before: {load[0]:.2f} {load[1]:.2f} {load[2]:.2f}; large key {kit.size(kit.BYTES)}, {kit.ROUNDS} rounds"
    )


def give_up(*_):
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # a second one must not interrupt the cleaning up
    sys.exit(143)


def main():
    names = [name.replace("-", "_") for name in sys.argv[1:]] or SUBJECTS
    unknown = [name for name in names if name not in SUBJECTS]
    if unknown:
        sys.exit(f"unknown: {' '.join(unknown)}; there are: {' '.join(SUBJECTS)}")
    signal.signal(signal.SIGTERM, give_up)
    here = os.path.dirname(os.path.abspath(__file__))
    date = datetime.datetime.now().strftime("%Y-%m-%dT%H%M%S")
    lines, failures = [f"# {date}", "", machine(), ""], []
    print(lines[2], flush=True)
    sys.path.insert(0, os.path.join(here, "subjects"))
    for name in names:
        subject = importlib.import_module(name)
        report = kit.Report(subject.__doc__.strip().splitlines()[0])
        base = os.environ.get("BENCH_SCRATCH", "/var/tmp")
        with tempfile.TemporaryDirectory(prefix="annexd-bench-", dir=base, ignore_cleanup_errors=True) as scratch:
            with kit.Servers(scratch) as servers:
                try:
                    subject.run(servers, report)
                except Exception as error:
                    traceback.print_exc()
                    report.fail(f"{name} did not run: {error}")
            kit.make_removable(scratch)
        print("\n" + report.text(), flush=True)
        lines.append(report.text())
        failures += report.failures
    os.makedirs(os.path.join(here, "results"), exist_ok=True)
    path = os.path.join(here, "results", date + ".md")
    with open(path, "w") as file:
        file.write("\n".join(lines))
    print(f"written to {os.path.relpath(path)}")
    for failure in failures:
        print("FAILED: " + failure, file=sys.stderr)
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
