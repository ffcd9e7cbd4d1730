import AnnexProtocol
import FileIO
import Locations

/// A remote to which uploads of one key go one after the other, since some servers fail where two come at once.
///
/// Who waited asks first whether the content has come meanwhile. An upload that crawls, or has stopped, while others
/// wait gives way: the remote keeps what was sent, and the upload goes on behind it when its turn comes again. Mostly it
/// then finds the content stored.
struct OneUploadAtATime: ContentLocation {
    let target: any ContentLocation
    let turns: KeyTurns
    /// How long an upload that gives way may take to hand over to the remote what was pulled from its sender.
    var grace = Duration.seconds(5)
    /// How long it may then take until the remote has all that was sent.
    var settling = Duration.seconds(5)

    /// After so many turns without a byte an upload is given up; each lasts a few seconds.
    private static let turnsInVain = 100

    var uuid: RepositoryUUID { target.uuid }

    var traits: LocationTraits {
        var traits = target.traits
        traits.takesUploadsOfOneKeyAtOnce = true
        return traits
    }

    func store(_ key: Key, from upload: Upload) async throws -> StoreOutcome {
        let body = InterruptedBody(upload.body)
        var hasStepped = false
        var turnsInVain = 0
        while turnsInVain < Self.turnsInVain {
            let before = body.pulled
            let outcome = try await turns.withTurn(for: key, hasStepped: hasStepped) { turn in
                hasStepped
                    ? try await goOn(turn, key, upload, body) : try await take(turn, key, upload, body)
            }
            if let outcome { return outcome }
            hasStepped = true
            turnsInVain = body.pulled > before ? 0 : turnsInVain + 1
        }
        return .notStored(reason: "the upload is stuck, and others wait for this key")
    }

    /// The first turn; nil where the upload has given way.
    private func take(
        _ turn: Turn, _ key: Key, _ upload: Upload, _ body: InterruptedBody
    ) async throws -> StoreOutcome? {
        if turn.hasWaited, try await target.isPresent(key) { return .stored(at: [uuid]) }
        return try await send(turn, key, upload, body)
    }

    /// A later turn: sends what was not pulled yet, where the remote has all that was; nil where the upload has given way
    /// again.
    private func goOn(
        _ turn: Turn, _ key: Key, _ upload: Upload, _ body: InterruptedBody
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

    /// Sends what was not pulled from the sender yet; nil where the upload has given way.
    private func send(
        _ turn: Turn, _ key: Key, _ upload: Upload, _ body: InterruptedBody
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

    func isPresent(_ key: Key) async throws -> Bool { try await target.isPresent(key) }
    func open(_ key: Key, for reading: Reading) async throws -> Content? { try await target.open(key, for: reading) }
    func partial(of key: Key, for client: [UInt8]) async throws -> PartialContent {
        try await target.partial(of: key, for: client)
    }
    func confirm(_ key: Key) async throws -> StoreOutcome { try await target.confirm(key) }
    func lock(_ key: Key) async throws -> (any HeldLock)? { try await target.lock(key) }

    func remove(_ key: Key, before deadline: BootSeconds?) async throws -> RemovalOutcome {
        try await target.remove(key, before: deadline)
    }
}
