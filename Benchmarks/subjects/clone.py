"""git clone of a long history

annexd, and nginx with git-http-backend through fcgiwrap, serve the same packed repository. Whole clones include the
work of the client; the pack alone, read by a client that drops it, shows the work of the server.
"""

import os
import shutil
import subprocess
import threading

import kit

AT_ONCE = 8


def history(count):
    """A fast-import stream: commits that each change one of 500 files."""
    for number in range(count):
        data = f"version {number}\n".encode() + os.urandom(150).hex().encode() + b"\n"
        message = f"change {number}".encode()
        yield b"commit refs/heads/main\ncommitter bench <bench@annexd.invalid> %d +0000\ndata %d\n%s\n" % (
            1700000000 + number, len(message), message)
        yield b"M 100644 inline folder%d/file%d\ndata %d\n%s\n" % (number % 20, number % 500, len(data), data)
    yield b"done\n"


def run(servers, report):
    root = servers.path("repositories")
    folder, _ = servers.repository(root)
    importer = subprocess.Popen(
        ["git", "fast-import", "--quiet", "--done"], cwd=folder, env=servers.environment, stdin=subprocess.PIPE)
    for piece in history(kit.COMMITS):
        importer.stdin.write(piece)
    importer.stdin.close()
    if importer.wait() != 0:
        raise RuntimeError("git fast-import failed")
    servers.command("git", "symbolic-ref", "HEAD", "refs/heads/main", cwd=folder)
    servers.command("git", "repack", "-adq", "--write-bitmap-index", cwd=folder)
    tip = servers.command("git", "rev-parse", "HEAD", cwd=folder, stdout=subprocess.PIPE).stdout.decode().strip()

    server, port, _ = servers.annexd(root)
    backend = os.path.join(
        servers.command("git", "--exec-path", stdout=subprocess.PIPE).stdout.decode().strip(), "git-http-backend")
    listening, static = servers.path("fastcgi.sock"), kit.free_port()
    servers.start("fcgiwrap", "-c", str(AT_ONCE), "-s", "unix:" + listening)
    servers.nginx(
        f"server {{ listen 127.0.0.1:{static}; client_max_body_size 0; location / {{"
        f" fastcgi_pass unix:{listening}; fastcgi_param SCRIPT_FILENAME {backend};"
        f" fastcgi_param GIT_PROJECT_ROOT {root}; fastcgi_param GIT_HTTP_EXPORT_ALL 1;"
        f" fastcgi_param PATH_INFO $uri; fastcgi_param QUERY_STRING $query_string;"
        f" fastcgi_param REQUEST_METHOD $request_method; fastcgi_param CONTENT_TYPE $content_type;"
        f" fastcgi_param CONTENT_LENGTH $content_length; fastcgi_param HTTP_GIT_PROTOCOL $http_git_protocol;"
        f" fastcgi_param HTTP_CONTENT_ENCODING $http_content_encoding; fastcgi_buffering off; }} }}")
    kit.wait_for(static)
    ports = {"annexd": port, "nginx + git-http-backend": static}
    wants = f"want {tip} ofs-delta side-band-64k no-progress\n"
    body = servers.path("wants")
    with open(body, "w") as file:
        file.write(f"{len(wants) + 4:04x}{wants}00000009done\n")

    def clone(at, number):
        target = servers.path("clones", str(number))
        servers.command("git", "clone", "-q", "--bare", f"http://127.0.0.1:{at}/bench.git", target)

    def pack(at, number):
        out = servers.command(
            "curl", "-sf", "-o", "/dev/null", "-w", "%{size_download}", "--data-binary", "@" + body,
            "-H", "Content-Type: application/x-git-upload-pack-request",
            f"http://127.0.0.1:{at}/bench.git/git-upload-pack", stdout=subprocess.PIPE)
        if int(out.stdout) < 100 * kit.COMMITS:
            raise RuntimeError(f"a pack of {out.stdout} bytes")

    plans = {
        "clone, alone": (clone, 1, 1.0), f"clone, {AT_ONCE} at once": (clone, AT_ONCE, 3),
        "pack, alone": (pack, 1, 1.0), f"pack, {AT_ONCE} at once": (pack, AT_ONCE, 3),
    }
    for what, (work, count, goal) in plans.items():
        samples = {name: [] for name in ports}
        for round in range(min(kit.ROUNDS, 3 if count > 1 else 5) + 1):
            for name, at in ports.items():
                shutil.rmtree(servers.path("clones"), ignore_errors=True)
                errors = []

                def attempt(number):
                    try:
                        work(at, number)
                    except Exception as error:
                        errors.append(error)

                jobs = [threading.Thread(target=attempt, args=(number,)) for number in range(count)]
                with kit.Timer() as timer:
                    for job in jobs:
                        job.start()
                    for job in jobs:
                        job.join()
                if errors:
                    raise errors[0]
                if round > 0 or kit.ROUNDS < 2:
                    samples[name].append(count / timer.seconds)
        report.speeds(what, samples, "/s", {"nginx + git-http-backend": goal})
