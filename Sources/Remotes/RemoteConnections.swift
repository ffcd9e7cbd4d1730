public import AnnexProtocol
public import Blocking
import GitHost
public import Locations
public import Logging
import NIOCore
import NIOHTTP1
public import NIOPosix
import Synchronization

/// All connections of this process to other hosts. One per process; ``shutdown()`` ends it.
public final class RemoteConnections: Sendable {
    /// How much is going on with one target, or with all.
    public struct Usage: Hashable, Sendable {
        /// Requests that run.
        public var inUse = 0
        /// Connections that are open. Targets at one host and port share them.
        public var open = 0
        /// Requests that wait for their turn.
        public var waiting = 0

        public init(inUse: Int = 0, open: Int = 0, waiting: Int = 0) {
            self.inUse = inUse
            self.open = open
            self.waiting = waiting
        }
    }

    /// The threads that move the bytes. What passes through a gateway should stay on one of them.
    public static var eventLoops: MultiThreadedEventLoopGroup { .singleton }

    private let settings: RemoteSettings
    private let credentials: any CredentialSource
    private let logger: Logger
    private let client: Client
    private let pool: BlockingPool
    private let ownsPool: Bool
    private let discoveries: TargetGate
    private let targets = Mutex<[AnnexHTTPTarget: TargetState]>([:])

    /// How many targets are remembered before those are forgotten to which nothing is going on.
    private static let rememberedTargets = 1000

    /// - Parameter pool: threads for digests; nil for some of its own.
    ///
    /// Throws a ``LocationError`` where a file of `settings.caFiles` cannot be used.
    public init(
        settings: RemoteSettings, credentials: any CredentialSource, pool: BlockingPool? = nil, logger: Logger
    ) throws {
        client = try Client(settings: settings)
        self.settings = settings
        self.credentials = credentials
        self.logger = logger
        ownsPool = pool == nil
        self.pool = pool ?? BlockingPool(name: "remotes", threadCount: 8)
        discoveries = TargetGate(limit: 8, patience: settings.queuePatience)
    }

    /// Ends all connections; what is going on fails. Nothing may be asked of it afterwards.
    public func shutdown() async {
        await client.shutdown()
        if ownsPool { await pool.shutdown() }
    }

    /// The target as a content location, for one caller.
    ///
    /// - Parameter gateway: the repository on whose behalf the target is asked; its UUID is the `clientuuid`.
    public func location(
        of target: AnnexHTTPTarget, gateway: RepositoryUUID, caller: Caller
    ) -> any ContentLocation { annexLocation(of: target, gateway: gateway, caller: caller) }

    private func annexLocation(
        of target: AnnexHTTPTarget, gateway: RepositoryUUID, caller: Caller
    ) -> AnnexHTTPLocation {
        AnnexHTTPLocation(
            target, state: state(of: target), client: client, pool: pool, logger: logger, gateway: gateway,
            caller: caller)
    }

    /// Looks whether the target can be used, and serves the repository.
    public func probe(_ target: AnnexHTTPTarget, gateway: RepositoryUUID) async -> TargetHealth {
        let location = annexLocation(of: target, gateway: gateway, caller: Caller())
        do {
            guard
                let key = try? Key(
                    parsing: "SHA256-s0--e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")
            else { throw location.nonsense }
            _ = try await location.isPresent(key)
            let version = state(of: target).versions.withLock { $0.current(at: .now) }
            return .available(version ?? .v0)
        } catch let error as LocationError {
            return error == location.doesNotServe ? .anotherRepository(error) : .unavailable(error)
        } catch {
            return .unavailable(LocationError(.unreachable, "\(target.name) was not reached: \(error)"))
        }
    }

    /// What is going on with the target.
    public func usage(of target: AnnexHTTPTarget) -> Usage {
        let gate = targets.withLock { $0[target]?.gate }
        return Usage(
            inUse: gate?.inUse ?? 0, open: client.board.open(to: Endpoint(target.url).url), waiting: gate?.waiting ?? 0)
    }

    /// What is going on with all targets together.
    public var usage: Usage {
        let gates = targets.withLock { $0.values.map(\.gate) } + [discoveries]
        return Usage(
            inUse: gates.reduce(0) { $0 + $1.inUse }, open: client.board.open,
            waiting: gates.reduce(client.budget.waiting) { $0 + $1.waiting })
    }

    private func state(of target: AnnexHTTPTarget) -> TargetState {
        targets.withLock { targets in
            if let known = targets[target] { return known }
            if targets.count >= Self.rememberedTargets {
                targets = targets.filter { $0.value.gate.inUse + $0.value.gate.waiting > 0 }
            }
            let login = Login(
                name: target.name, url: target.url, gitURL: target.gitURL, source: credentials, logger: logger)
            let state = TargetState(target, settings: settings, login: login)
            targets[target] = state
            return state
        }
    }

    /// A path as people write it, with what no request line can hold escaped.
    static func escaped(_ path: String) -> String {
        var result: [UInt8] = []
        for byte in path.utf8 {
            result.append(contentsOf: byte > 0x20 && byte < 0x7f ? [byte] : PercentEncoding.encode([byte]))
        }
        return String(decoding: result, as: UTF8.self)
    }

    /// What a git repository says of its annex: its UUID, and where it speaks the P2P protocol (spec 01 §7.2).
    ///
    /// - Parameter gitURL: `http` or `https`; for others there is nothing to be asked, and both are nil.
    public func discover(gitURL: String) async throws -> (uuid: RepositoryUUID?, annexURL: AnnexURL?) {
        guard let place = CredentialPlace(url: gitURL), place.isHTTP else { return (nil, nil) }
        let turn = try await discoveries.enter(.question, place.shown)
        defer { turn.release() }
        let request = Client.Request(
            name: place.shown,
            endpoint: Endpoint(isSecure: place.isSecure, host: place.host, port: place.port), method: .GET,
            target: (place.path.isEmpty ? "" : "/" + Self.escaped(place.path)) + "/config")
        let login = Login(name: place.shown, gitPlace: place, source: credentials, logger: logger)
        let answer = try await login.authorizing { credentials in
            var request = request
            if let credentials {
                request.headers.append(("Authorization", credentials.authorization(.standard)))
            }
            return try await client.call(request)
        }
        guard answer.status == 200 else { throw answer.failure(from: place.shown) }
        guard let config = try? GitConfig(parsing: Array(answer.body.readableBytesView)) else {
            throw LocationError(.misbehaved, "\(place.shown)/config is not a git configuration")
        }
        return (
            config.bytes("annex.uuid").flatMap { RepositoryUUID($0) },
            config.string("annex.url").flatMap { AnnexURL($0) }
        )
    }
}
