import Glibc

extension SettingKey {
    /// Every key there is, in the order of the reference page and the example file.
    public static let all: [SettingKey] = server + tls + limits + branch + log + repositories + proxy + cors

    private static let server: [SettingKey] = [
        .text(
            "server.root", \.server.root, option: "--root", accepts: "the path of a folder",
            "The folder that holds the repositories, as bare repositories at any depth. It has no default."),
        .list(
            "server.listen", \.server.listen, option: "--listen",
            accepts: "a list of addresses such as \"127.0.0.1:9417\", \"[::]:9417\" or \"unix:/run/annexd/socket\"",
            "Where to listen. Port 0 takes a free one.", where: { ListenAddress($0) != nil }),
        .text(
            "server.public_url", \.server.publicURL, option: "--public-url",
            accepts: "an http:// or https:// URL without query and fragment",
            "The URL under which clients reach this server, where a proxy in front changes it. Empty: what each request "
                + "used.",
            where: isPublicURL),
        .choice(
            "server.anonymous", \.server.anonymous, option: "--anonymous",
            "What people without a login may do on repositories that do not say otherwise: `read` is clone and get, "
                + "`append` also put, push and create, but change nothing that is there; `write` also remove content, and rewrite "
                + "and delete branches and tags."),
        .list(
            "server.trusted_proxies", \.server.trustedProxies, mayBeEmpty: true,
            accepts: "a list of numeric addresses such as \"127.0.0.1\" or \"::1\", and \"unix\" for Unix sockets",
            "Proxies in front whose X-Forwarded-For header tells the client's address, for the log and for bounds on each "
                + "client. Without them everybody behind a proxy counts as one client.",
            where: { isAddress($0) || $0 == "unix" }),
        .choice(
            "server.metrics", \.server.metrics,
            "Who may see `/-/metrics`: `local` is whoever asks from this machine, over a loopback address or a Unix "
                + "socket and not through a proxy that adds X-Forwarded-For or Forwarded; `readers` also those who may "
                + "read repositories, which is everybody unless `server.anonymous` is `none`; `public` everybody."),
    ]

    private static let tls: [SettingKey] = [
        .text(
            "tls.certificate", \.tls.certificate, accepts: "the path of a PEM file",
            "The certificate chain. With `tls.key` it turns TLS on for all TCP addresses."),
        .text("tls.key", \.tls.key, accepts: "the path of a PEM file", "The private key of the certificate."),
    ]

    private static let limits: [SettingKey] = [
        .integer(
            "limits.max_connections", \.limits.maxConnections, 1...1_000_000,
            "Connections at once. Beyond them idle ones are closed to make room, beginning with the client that has most; "
                + "while all are busy, new ones wait in the kernel's queue."),
        .integer(
            "limits.max_remote_connections", \.limits.maxRemoteConnections, 1...1_000_000,
            "Connections to remotes on other hosts at once, all together and idle ones included; one remote has half of "
                + "them at most. A request that gets none within `proxy.queue_seconds` is answered 503."),
        .time(
            "limits.header_timeout_seconds", \.limits.headerTimeout, unit: .seconds(1), 1...3600,
            "How long a client may take to send the head of a request. One that sends what git wants to know, or the commands "
                + "of a push, may keep us waiting for as long, and a second more for each KiB."),
        .time(
            "limits.idle_timeout_seconds", \.limits.idleTimeout, unit: .seconds(1), 120...86_400,
            "How long a connection may be idle between requests. At least 120: git-annex keeps connections for later, and "
                + "sends a request a second time where one was closed under it."),
        .time(
            "limits.transfer_timeout_seconds", \.limits.transferTimeout, unit: .seconds(1), 1...86_400,
            "How long a body may make no progress at all before the connection is given up."),
        .time(
            "limits.shutdown_seconds", \.limits.shutdown, unit: .seconds(1), 0...3600,
            "How long requests may go on after SIGTERM. The process ends half a minute later at the latest, even if a "
                + "disk does not answer."),
        .integer(
            "limits.max_locks", \.limits.maxLocks, 1...10_000_000,
            "Content locks at once, over all repositories."),
        .integer(
            "limits.max_locks_per_client", \.limits.maxLocksPerClient, 1...10_000_000,
            "Content locks at once for one client: an IPv4 address, or an IPv6 network of 64 bits. At most a fifth of "
                + "`limits.max_anonymous_locks`. Locks on one key count once."),
        .integer(
            "limits.max_anonymous_locks", \.limits.maxAnonymousLocks, 0...10_000_000,
            "Content locks at once for all people without a login together."),
        .integer(
            "limits.blocking_threads", \.limits.blockingThreads, 1...1024,
            "Threads for disk work. More help on many or slow disks."),
        .integer(
            "limits.git_processes", \.limits.gitProcesses, 1...10_000,
            "Clones, fetches and pushes that git works on at once. Further ones wait in line."),
        .integer(
            "limits.git_slow_clients", \.limits.gitSlowClients, 0...10_000,
            "Git processes beyond these that only wait for a slow client. One client may have an eighth of all git processes, "
                + "slow ones included, and two in any case. Everybody behind a proxy is one client unless "
                + "`server.trusted_proxies` names it; where it cannot be named, allow more of them."),
        .time(
            "limits.git_queue_seconds", \.limits.gitQueue, unit: .seconds(1), 1...3600,
            "How long one of them waits in line before it is answered 503."),
        .time(
            "limits.git_silence_seconds", \.limits.gitSilence, unit: .seconds(1), 1...86_400,
            "How long a git process may neither take nor give a byte while it is waited for, and not for a client. Then it is "
                + "ended, and the request fails. Git gives a sign of life every 5 seconds where it works long for a client."
        ),
        .integer(
            "limits.git_memory_mebibytes", \.limits.gitMemory, 0...1_000_000,
            "Memory that one git process may allocate; packs that it maps do not count. A push or clone that needs more "
                + "fails. 0 for no bound. Pushes of files that git stores as differences to others need a few times the size "
                + "of the largest."),
        .integer(
            "limits.push_mebibytes", \.limits.pushSize, 0...100_000_000,
            "How much one push may bring into git, compressed. Annexed content does not count. 0 for no bound."),
        .integer(
            "limits.disk_reserve_mebibytes", \.limits.diskReserve, 0...1_000_000,
            "Disk space that is held back, in a file below `.annexd`, for locks, removals and the record of where "
                + "content is. A full disk can then still be emptied by dropping content. 0 holds back none. What each "
                + "repository keeps free of uploads is its `annex.diskreserve`."),
    ]

    private static let branch: [SettingKey] = [
        .time(
            "branch.commit_delay_milliseconds", \.branch.commitDelay, unit: .milliseconds(1), 50...1000,
            "How long location changes gather in the journal, which is durable, before one commit to the git-annex "
                + "branch records them.")
    ]

    private static let log: [SettingKey] = [
        .choice("log.level", \.log.level, "The lowest level that is logged. `info` is about one line per request."),
        .choice("log.format", \.log.format, "How lines are written to standard error."),
    ]

    private static let repositories: [SettingKey] = [
        .flag(
            "repositories.push_to_create", \.repositories.pushToCreate,
            "Whether a push to a name that does not exist creates the repository, where the caller may."),
        .choice(
            "repositories.object_format", \.repositories.objectFormat,
            "How git names the objects of repositories that `annexd repo create` makes. A push that creates a repository "
                + "decides itself; clients of git before 2.28 know `sha1` only."),
    ]
}

extension SettingKey {
    fileprivate static let proxy: [SettingKey] = [
        .time(
            "proxy.connect_timeout_seconds", \.proxy.connectTimeout, unit: .seconds(1), 1...600,
            "How long a connection to a remote on another host may take to come about."),
        .time(
            "proxy.answer_timeout_seconds", \.proxy.answerTimeout, unit: .seconds(1), 1...3600,
            "How long such a remote may take to answer a question. A transfer may be silent for "
                + "`limits.transfer_timeout_seconds`."),
        .integer(
            "proxy.max_connections", \.proxy.maxConnections, 1...10_000,
            "Requests at once to one remote on another host; further ones wait in line. Transfers use up to seven "
                + "eighths of them."),
        .time(
            "proxy.queue_seconds", \.proxy.queue, unit: .seconds(1), 1...3600,
            "How long one of them waits in line before it is answered 503."),
        .time(
            "proxy.idle_seconds", \.proxy.idleTimeout, unit: .seconds(1), 1...3600,
            "How long a connection to a remote is kept for the next request."),
        .list(
            "proxy.ca_files", \.proxy.caFiles, mayBeEmpty: true, accepts: "a list of paths of PEM files",
            "Certificate authorities that are trusted for remotes in addition to the machine's.",
            where: { !$0.isEmpty }),
        .text(
            "proxy.credentials_file", \.proxy.credentialsFile, accepts: "the path of a file only its owner can read",
            "Logins for remotes, a line `https://user:password@host[:port][/path]` each, as `git credential-store` keeps "
                + "them. Where it has none, `git credential` is asked with the configuration of the user who runs annexd."
        ),
    ]
}

extension SettingKey {
    fileprivate static let cors: [SettingKey] = [
        .list(
            "cors.origins", \.cors.origins, mayBeEmpty: true,
            accepts: "a list of origins such as \"https://app.example.org\", without a path, or \"*\" for all",
            "Web pages that may use this host from within a browser, git included. They get what everybody gets who has "
                + "no login, or send one themselves.",
            where: isOrigin)
    ]
}

private func isOrigin(_ text: String) -> Bool {
    if text == "*" { return true }
    return isPublicURL(text) && !text.drop { $0 != ":" }.dropFirst(3).contains("/")
}

private func isPublicURL(_ text: String) -> Bool {
    guard let scheme = ["http://", "https://"].first(where: text.hasPrefix) else { return false }
    let rest = text.dropFirst(scheme.count)
    return !rest.isEmpty && rest.first != "/" && rest.utf8.allSatisfy { 0x21...0x7e ~= $0 && !forbidden.contains($0) }
}

/// Bytes that start a query or a fragment, name a user, or do not belong in a URL.
private let forbidden = Set("?#@\"<>\\^`{|}".utf8)

/// Whether it is a numeric address; names would have to be looked up.
private func isAddress(_ text: String) -> Bool {
    var bytes = [UInt8](repeating: 0, count: 16)
    return inet_pton(AF_INET, text, &bytes) == 1 || inet_pton(AF_INET6, text, &bytes) == 1
}
