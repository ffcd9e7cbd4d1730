import AnnexProtocol
import Blocking
import Locations
import Logging
import NIOCore
import NIOHTTP1
import Synchronization

/// A repository on another host as a content location, over the P2P protocol over HTTP (spec 01 §6, spec 03 §3.3).
struct AnnexHTTPLocation: ContentLocation {
    let target: AnnexHTTPTarget
    let state: TargetState
    let client: Client
    let pool: BlockingPool
    let logger: Logger
    /// The repository on whose behalf the target is asked.
    let gateway: RepositoryUUID
    /// Who asks the gateway; nil where it did not say.
    private let sender: RepositoryUUID?
    let bypass: [RepositoryUUID]

    init(
        _ target: AnnexHTTPTarget, state: TargetState, client: Client, pool: BlockingPool, logger: Logger,
        gateway: RepositoryUUID, caller: Caller
    ) {
        self.target = target
        self.state = state
        self.client = client
        self.pool = pool
        self.logger = logger
        self.gateway = gateway
        sender = RepositoryUUID(caller.client)
        bypass = caller.bypass.union([gateway]).sorted()
    }

    var uuid: RepositoryUUID { target.uuid }
    var name: String { target.name }
    /// The stock program fails if two uploads of one key come at once.
    var traits: LocationTraits { LocationTraits(takesUploadsOfOneKeyAtOnce: false) }

    func isPresent(_ key: Key) async throws -> Bool {
        let place = try await state.gate.enter(.question, name)
        defer { place.release() }
        return try await askPresence(of: key)
    }

    /// Who has, or has lost, the content where the target speaks of itself and of others.
    func places(_ others: [RepositoryUUID]) -> [RepositoryUUID] { [uuid] + others.filter { $0 != uuid } }

    func askPresence(of key: Key) async throws -> Bool {
        guard case .present(let isPresent) = try await ask(.checkPresent(key), .present) else { throw nonsense }
        return isPresent
    }

    func partial(of key: Key, for client: [UInt8]) async throws -> PartialContent {
        let place = try await state.gate.enter(.question, name)
        defer { place.release() }
        guard let (reply, isOwn) = try await askOffset(key) else { return try await partialWithoutOffset(key) }
        switch reply {
        case .offset(let count):
            state.acceptsUploads.store(true, ordering: .relaxed)
            return .bytes(isOwn ? count : 0)
        case .alreadyHave(let others): return .alreadyPresent(at: places(others))
        default: throw nonsense
        }
    }

    /// The reply to `putoffset`, and whether the bytes it tells of may be taken for the sender's; nil where the target
    /// does not know that question.
    ///
    /// The stock program has one partial for all clients. With a digest it turns out what that was; without one, the
    /// end of one content would be put behind the start of another.
    func askOffset(_ key: Key) async throws -> (reply: P2PReply, isOwn: Bool)? {
        let answer = try await stepping(.putOffset(key)) { version in
            try await state.login.authorizing { credentials in
                try await client.call(request(.putOffset(key), version, credentials))
            }
        }
        guard let answer else { return nil }
        let isOwn = key.expectedDigest != nil || answer.headers.contains(name: P2PReply.ownPartialHeader)
        return (try answer.reply(.offset, from: name), isOwn)
    }

    /// In version 0 every upload begins at the start. That the target serves the repository at all is still to be seen.
    private func partialWithoutOffset(_ key: Key) async throws -> PartialContent {
        try await askPresence(of: key) ? .alreadyPresent(at: [uuid]) : .bytes(0)
    }

    func confirm(_ key: Key) async throws -> StoreOutcome {
        let place = try await state.gate.enter(.question, name)
        defer { place.release() }
        let put = P2POperation.Put(key: key, isDataPresent: true)
        let headers = [(DataLengthHeader.name, "0")]
        switch try await ask(ifPossible: .put(put), .stored, headers: headers) {
        case nil:
            return try await askPresence(of: key)
                ? .stored(at: [uuid]) : .notStored(reason: "\(name) does not have the content")
        case .stored(true, let others): return .stored(at: places(others))
        case .stored(false, _): return .notStored(reason: "\(name) does not have the content")
        default: throw nonsense
        }
    }

    var nonsense: LocationError { LocationError(.misbehaved, "\(name) answered something else than was asked") }

    // MARK: Requests

    /// The reply to an operation that every version has.
    func ask(_ operation: P2POperation, _ shape: P2PReply.Shape) async throws -> P2PReply {
        guard let reply = try await ask(ifPossible: operation, shape) else { throw doesNotServe }
        return reply
    }

    /// The reply to an operation, or nil where the target has no version that knows it.
    func ask(
        ifPossible operation: P2POperation, _ shape: P2PReply.Shape, headers: [(String, String)] = []
    ) async throws -> P2PReply? {
        let answer = try await stepping(operation) { version in
            try await state.login.authorizing { credentials in
                try await client.call(request(operation, version, credentials, headers: headers))
            }
        }
        return try answer?.reply(shape, from: name)
    }

    var doesNotServe: LocationError {
        LocationError(.misbehaved, "\(name) does not serve the repository \(uuid)")
    }

    /// The first answer that is not `no such path`, trying ever lower versions; nil where there is none.
    func stepping<Result: WithStatus>(
        _ operation: P2POperation, _ send: (P2PVersion) async throws -> Result
    ) async throws -> Result? {
        for isSecondRound in [false, true] {
            let (candidates, isComplete) = state.versions.withLock {
                ($0.candidates(for: operation, at: .now), $0.triesHighest(at: .now))
            }
            for version in candidates {
                let result = try await send(version)
                if result.answer.saysNoSuchPath { continue }
                if result.answer.status == 200 { state.versions.withLock { $0.learned(version, at: .now) } }
                return result
            }
            // What was remembered may be wrong by now; then all versions are tried, once.
            if isSecondRound || isComplete || candidates.isEmpty { return nil }
            state.versions.withLock { $0.forget() }
        }
        return nil
    }

    /// Who is named to the target: the gateway, but for uploads whose partials have to be kept apart by their senders.
    private func speaker(for operation: P2POperation) -> RepositoryUUID {
        switch operation {
        case .put(let put) where put.key.expectedDigest == nil: sender ?? gateway
        case .putOffset(let key) where key.expectedDigest == nil: sender ?? gateway
        default: gateway
        }
    }

    func request(
        _ operation: P2POperation, _ version: P2PVersion, _ credentials: BasicCredentials?,
        method: HTTPMethod = .POST, headers: [(String, String)] = []
    ) -> Client.Request {
        var request = Client.Request(
            name: name, endpoint: Endpoint(target.url), method: method,
            target: target.url.basePath
                + operation.path(of: uuid, version: version, client: speaker(for: operation), bypass: bypass),
            headers: headers)
        let type: String = if case .getContent = operation { "application/octet-stream" } else { "application/json" }
        request.headers.append(("Accept", type))
        if let credentials { request.headers.append(("Authorization", credentials.authorization(.annex))) }
        return request
    }
}
