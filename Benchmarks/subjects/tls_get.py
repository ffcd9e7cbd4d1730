"""GET of a large key over TLS

annexd and nginx with the same self-signed certificate; curl reads, so its decryption takes one of the cores.
"""

import subprocess

import kit


def run(servers, report):
    root = servers.path("repositories")
    folder, identity = servers.repository(root)
    source = servers.path("large")
    kit.random_file(source, kit.BYTES)
    key = kit.key_of(source)
    kit.add_object(folder, source, key)
    certificate, private = servers.path("certificate.pem"), servers.path("key.pem")
    servers.command(
        "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
        "-subj", "/CN=localhost", "-keyout", private, "-out", certificate, stderr=subprocess.DEVNULL)
    settings = servers.path("annexd.toml")
    with open(settings, "w") as file:
        file.write(f'[tls]\ncertificate = "{certificate}"\nkey = "{private}"\n')
    server, port, _ = servers.annexd(root, "--config", settings)
    static = kit.free_port()
    servers.nginx(
        f"server {{ listen 127.0.0.1:{static} ssl; root {servers.scratch}; ssl_certificate {certificate}; "
        f"ssl_certificate_key {private}; ssl_protocols TLSv1.2 TLSv1.3; }}")
    kit.wait_for(static)
    urls = {
        "annexd": f"https://127.0.0.1:{port}{kit.key_url(identity, key)}",
        "nginx TLS": f"https://127.0.0.1:{static}/large",
    }
    samples, cpu = {name: [] for name in urls}, []
    for round in range(kit.ROUNDS + 1):
        for name, url in urls.items():
            before = kit.cpu_seconds(server.pid)
            out = servers.command(
                "curl", "-skf", "--http1.1", "-o", "/dev/null", "-w", "%{size_download} %{time_total}", url,
                stdout=subprocess.PIPE).stdout.split()
            if int(out[0]) != kit.BYTES:
                raise RuntimeError(f"{name} sent {out[0]} of {kit.BYTES} bytes")
            if round > 0:
                samples[name].append(kit.BYTES / float(out[1]) / 1048576)
            if name == "annexd":
                cpu.append(kit.cpu_seconds(server.pid) - before)
    report.speeds("1 connection", samples, "MiB/s", {"nginx TLS": 1.0})
    report.note(f"annexd used {min(cpu) / (kit.BYTES / (1 << 30)):.2f} s of CPU per GiB.")
