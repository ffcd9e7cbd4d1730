internal import AnnexProtocol

/// Bounds on what this host does as a client of other hosts.
public struct RemoteSettings: Hashable, Sendable {
    /// How long a connection may take to come about, name resolution and TLS included.
    public var connectTimeout: Duration = .seconds(10)
    /// How long a target may take for the answer to a request that has no body.
    public var answerTimeout: Duration = .seconds(60)
    /// How long a transfer may wait for the target without any progress.
    public var stallTimeout: Duration = .seconds(300)
    /// How many requests to one target run at one time.
    public var maxConnectionsPerTarget = 32
    /// How many connections to all targets together are open at one time, about.
    public var maxConnections = 1024
    /// How long a request waits for its turn when there are that many.
    public var queuePatience: Duration = .seconds(30)
    /// How long a connection without a request is kept for the next one.
    public var idleTimeout: Duration = .seconds(60)
    /// PEM files of certificate authorities that are trusted in addition to the machine's.
    public var caFiles: [String] = []

    /// The highest version of the protocol that is spoken; lower only in tests.
    var highestVersion = P2PVersion.v4

    public init() {}
}
