public import AnnexProtocol
public import Blocking
import FileIO

/// A place to which uploads of one key go one after the other, since some servers fail if two come at once
/// (``LocationTraits/takesUploadsOfOneKeyAtOnce``).
///
/// Who waited asks first whether the content has come meanwhile. An upload that crawls, or has stopped, while others
/// wait gives way: the place keeps what was sent, and the upload goes on behind it when its turn comes again. Mostly it
/// then finds the content stored. The body is judged once, however many turns it takes.
public struct SerializedUploads: ContentLocation {
    private let target: any ContentLocation
    private let turns: KeyTurns
    private let pool: BlockingPool
    /// How long an upload that gives way may take to hand over to the place what was pulled from its sender.
    private let grace = Duration.seconds(5)
    /// How long it may then take until the place has all that was sent.
    private let settling: Duration

    /// - Parameters:
    ///   - turns: the line of uploads to this place, shared by all who send to it.
    ///   - pool: threads for digests.
    public init(
        target: any ContentLocation, turns: KeyTurns, pool: BlockingPool, settling: Duration = .seconds(5)
    ) {
        self.target = target
        self.turns = turns
        self.pool = pool
        self.settling = settling
    }

    public var uuid: RepositoryUUID { target.uuid }

    public var traits: LocationTraits {
        var traits = target.traits
        traits.takesUploadsOfOneKeyAtOnce = true
        return traits
    }

    public func store(_ key: Key, from upload: Upload) async throws -> StoreOutcome {
        let upload = upload.judged(as: key, pool: pool)
        let body = ResumableBody(upload.body)
        var hasStepped = false
        return try await turns.uploading(key) { turn in
            let before = body.pulled
            let outcome =
                hasStepped ? try await goOn(turn, key, upload, body) : try await take(turn, key, upload, body)
            hasStepped = true
            return outcome.map { .ended($0) } ?? .steppedBack(after: body.pulled - min(before, body.pulled))
        }
    }

    /// The first turn; nil if the upload has given way.
    private func take(
        _ turn: Turn, _ key: Key, _ upload: Upload, _ body: ResumableBody
    ) async throws -> StoreOutcome? {
        if turn.hasWaited, try await target.isPresent(key) { return .stored(at: [uuid]) }
        return try await send(turn, key, upload, body)
    }

    /// A later turn: sends what was not pulled yet, if the place has all that was; nil if it has given way
    /// again.
    private func goOn(
        _ turn: Turn, _ key: Key, _ upload: Upload, _ body: ResumableBody
    ) async throws -> StoreOutcome? {
        let deadline = ContinuousClock.now + settling
        while true {
            switch try await whatIsThere(of: key, for: upload.client) {
            case .alreadyPresent(let places)?: return .stored(at: places)
            case .bytes(let count)?:
                // A remote that has more, from another upload, skips what it has (spec 01 §6.5).
                let sent = upload.offset.addingSaturating(body.pulled)
                if count >= sent { return try await send(turn, key, upload, body) }
                // The last byte of content is only sent when all of it was found right.
                if count == sent - 1, body.pulled == UInt64(clamping: upload.length) {
                    body.giveBackLastByte()
                    return try await send(turn, key, upload, body)
                }
            case nil: break
            }
            guard ContinuousClock.now < deadline else { break }
            // What is on its way to the remote takes a moment to arrive.
            try await Task.sleep(for: .milliseconds(100))
        }
        return try await target.isPresent(key)
            ? .stored(at: [uuid])
            : .notStored(reason: "the upload crawled while others waited for this key, and what it sent was lost")
    }

    /// What the remote has; nil where it does not tell yet: the stock program fails while an upload runs.
    private func whatIsThere(of key: Key, for client: [UInt8]) async throws -> PartialContent? {
        do {
            return try await target.partial(of: key, for: client)
        } catch let error as LocationError where error.code == .misbehaved {
            return nil
        }
    }

    /// Sends what was not pulled from the sender yet; nil if the upload has given way.
    private func send(
        _ turn: Turn, _ key: Key, _ upload: Upload, _ body: ResumableBody
    ) async throws -> StoreOutcome? {
        var rest = upload
        rest.offset += body.pulled
        rest.length -= Int64(clamping: body.pulled)
        if rest.length < 0, upload.length >= 0 { return .notStored(reason: "more bytes than announced") }
        rest.body = WatchedBody(body: body, turn: turn)
        do {
            let outcome = try await turn.steppingBack(after: grace) { [rest] in
                try await target.store(key, from: rest)
            }
            if case .notStored = outcome, turn.isAskedToStepBack { return nil }
            return outcome
        } catch {
            if turn.isAskedToStepBack, !Task.isCancelled { return nil }
            throw error
        }
    }

    public func isPresent(_ key: Key) async throws -> Bool { try await target.isPresent(key) }
    public func open(_ key: Key, for reading: Reading) async throws -> Content? {
        try await target.open(key, for: reading)
    }
    public func partial(of key: Key, for client: [UInt8]) async throws -> PartialContent {
        try await target.partial(of: key, for: client)
    }
    public func confirm(_ key: Key) async throws -> StoreOutcome { try await target.confirm(key) }
    public func lock(_ key: Key) async throws -> (any HeldLock)? { try await target.lock(key) }

    public func remove(_ key: Key, before deadline: BootSeconds?) async throws -> RemovalOutcome {
        try await target.remove(key, before: deadline)
    }
}
