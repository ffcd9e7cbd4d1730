/// Everything that can be set about the host, as one typed tree. `Settings()` holds the defaults.
///
/// `SettingKey.all` describes each leaf once: its name, meaning and limits. The parser, the reference page and the
/// example file are all made from that table.
public struct Settings: Equatable, Sendable {
    public var server = Server()
    public var tls = TLS()
    public var limits = Limits()
    public var branch = Branch()
    public var log = Log()
    public var repositories = Repositories()
    public var proxy = Proxy()
    public var cors = CORS()

    public init() {}

    public struct Server: Equatable, Sendable {
        /// The folder that holds the repositories; nil until somebody names one.
        public var root: String?
        /// The addresses to listen on, each a `ListenAddress` in text.
        public var listen = ["127.0.0.1:9417"]
        /// The URL that clients use, where a proxy in front changes it; nil takes it from each request.
        public var publicURL: String?
        public var anonymous = AnonymousAccess.read
        /// Addresses of proxies in front whose word about the client's address counts, and `unix`.
        public var trustedProxies: [String] = []
        public var metrics = MetricsAccess.readers
    }

    public struct TLS: Equatable, Sendable {
        /// PEM files; TLS is on when both are set.
        public var certificate: String?
        public var key: String?
    }

    public struct Limits: Equatable, Sendable {
        public var maxConnections = 4096
        public var maxRemoteConnections = 1024
        public var headerTimeout = Duration.seconds(30)
        public var idleTimeout = Duration.seconds(180)
        public var transferTimeout = Duration.seconds(300)
        public var shutdown = Duration.seconds(30)
        public var maxLocks = 10_000
        public var maxLocksPerClient = 1000
        public var maxAnonymousLocks = 5000
        public var blockingThreads = 16
        public var gitProcesses = 8
        public var gitSlowClients = 64
        public var gitQueue = Duration.seconds(60)
        public var gitSilence = Duration.seconds(300)
        /// In MiB, of one process; 0 for no bound.
        public var gitMemory = 1024
        /// In MiB; 0 for no bound.
        public var pushSize = 16_384
        /// In MiB.
        public var diskReserve = 16
    }

    public struct Branch: Equatable, Sendable {
        public var commitDelay = Duration.milliseconds(500)
    }

    public struct Log: Equatable, Sendable {
        public var level = LogLevel.info
        public var format = LogStyle.logfmt
    }

    public struct Repositories: Equatable, Sendable {
        public var pushToCreate = true
        public var objectFormat = RepositoryFormat.sha1
    }

    /// Use of the host by web pages.
    public struct CORS: Equatable, Sendable {
        /// Origins such as `https://app.example.org`, or `*`.
        public var origins: [String] = []
    }

    /// Remotes on other hosts that hosted repositories proxy.
    public struct Proxy: Equatable, Sendable {
        public var connectTimeout = Duration.seconds(10)
        public var answerTimeout = Duration.seconds(60)
        public var maxConnections = 32
        public var queue = Duration.seconds(30)
        public var idleTimeout = Duration.seconds(60)
        public var caFiles: [String] = []
        public var credentialsFile: String?
    }
}

/// The right of people without a login; the names are those of `Accounts.Right`.
public enum AnonymousAccess: String, CaseIterable, Sendable {
    case none, read, append, write
}

/// Who may see `/-/metrics`, besides whoever asks from the machine itself.
public enum MetricsAccess: String, CaseIterable, Sendable {
    case local, readers, everyone = "public"
}

/// How the objects of new repositories are named; the names are those of `GitHost.ObjectFormat`.
public enum RepositoryFormat: String, CaseIterable, Sendable {
    case sha1, sha256
}

/// The lowest level that is logged; the names are swift-log's.
public enum LogLevel: String, CaseIterable, Sendable {
    case trace, debug, info, notice, warning, error, critical
}

/// How log lines are written; the names are those of `Telemetry.LogFormat`.
public enum LogStyle: String, CaseIterable, Sendable {
    case logfmt, json
}
