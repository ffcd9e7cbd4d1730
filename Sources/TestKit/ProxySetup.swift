import Foundation

/// A hosted repository that proxies one remote, in each way in which a remote can be reached.
public final class ProxySetup {
    /// What kind of place the remote is.
    public enum Kind: String, CaseIterable, Sendable {
        /// Another repository of the same host, by path.
        case hosted
        /// A bare repository elsewhere on the machine.
        case bare
        /// A repository with a work tree elsewhere on the machine.
        case workTree
        /// A repository of another annexd, over annex+http.
        case annexd
        /// A repository that `git annex p2phttp` serves.
        case stock

        /// Whether the gateway works on its files itself.
        public var isLocal: Bool { self == .hosted || self == .bare || self == .workTree }
    }

    public let kind: Kind
    public let host: AnnexdHost
    public let client: StockClient
    public let gateway: HostedRepository
    /// The remote in the hands of stock programs.
    public let target: WorkTree
    public let targetUUID: String
    /// The other host, for ``Kind/annexd``.
    public private(set) var otherHost: AnnexdHost?
    public private(set) var stockServer: StockServer?

    /// The remote's name at the gateway.
    public static let name = "node1"

    /// - Parameters:
    ///   - other: options of the other host, for ``Kind/annexd``.
    ///   - shared: what `git init --shared` gets, for ``Kind/bare``.
    public init(
        _ kind: Kind, _ host: AnnexdHost, _ client: StockClient, other: AnnexdHost.Options = .init(),
        shared: String = "umask"
    ) throws {
        self.kind = kind
        self.host = host
        self.client = client
        gateway = try host.create("team/gateway")
        switch kind {
        case .hosted:
            target = try host.create("nodes/one").tree(client)
        case .bare:
            try client.command(
                ["git", "init", "-q", "--bare", "--shared=\(shared)", "node.git"], in: host.scratch.path
            ).check()
            target = WorkTree(client: client, path: host.scratch.child("node.git"))
            try target.annex("init", "node")
        case .workTree:
            target = try client.newRepository("node")
        case .annexd:
            let second = try AnnexdHost(in: host.scratch, other, name: "-two")
            otherHost = second
            target = try second.create("archive/one").tree(client)
        case .stock:
            target = try client.newRepository("node")
            stockServer = try StockServer(target)
        }
        targetUUID = try target.config("annex.uuid") ?? ""
        try gateway.setConfig("remote.\(Self.name).url", remoteURL)
        // Others tell who they are when they are asked; p2phttp serves no git configuration to ask for.
        if let stockServer {
            try gateway.setConfig("remote.\(Self.name).annexUrl", stockServer.url)
            try gateway.setConfig("remote.\(Self.name).annex-uuid", targetUUID)
        }
        try gateway.setConfig("remote.\(Self.name).annex-proxy", "true")
        try update()
    }

    private var remoteURL: String {
        otherHost.map { "\($0.baseURL)/archive/one.git" } ?? stockServer.map { "http://127.0.0.1:\($0.port)/" }
            ?? target.path
    }

    /// `annexd proxy update`.
    @discardableResult
    public func update() throws -> CommandResult {
        let result = try host.annexd("proxy", "update", "--root", host.root, gateway.path)
        guard result.status == 0 else { throw TestKitError(.commandFailed, result.transcript) }
        return result
    }

    /// Calls to the remote through the gateway.
    public var p2p: P2PCalls { P2PCalls(port: host.port, prefix: "/\(gateway.path)", uuid: targetUUID) }

    /// The remote's object of a key, relative to the remote's git directory; nil where there is none.
    public func targetObject(_ keyFile: String) throws -> String? {
        let found = try Command(["find", targetGitDirectory + "/annex/objects", "-type", "f", "-name", keyFile]).run()
        return found.lines.first
    }

    /// How much of a key's content the remote has of an upload that has not ended, or was cut.
    public func partialSize(_ keyFile: String) throws -> Int {
        let status = try Command(["stat", "-c", "%s", "\(targetGitDirectory)/annex/tmp/\(keyFile)"]).run()
        return status.status == 0 ? Int(status.trimmed) ?? 0 : 0
    }

    public var targetGitDirectory: String {
        kind == .workTree || kind == .stock ? target.path + "/.git" : target.path
    }
}
