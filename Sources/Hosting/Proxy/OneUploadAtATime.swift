import AnnexProtocol
import Locations
import NIOCore

/// A remote to which uploads of one key go one after the other, since some servers fail where two come at once.
///
/// Who waited asks first whether the content has come meanwhile. An upload that crawls, or has stopped, while others
/// wait gives way: the remote keeps what it sent, and it will mostly find the content stored.
struct OneUploadAtATime: ContentLocation {
    let target: any ContentLocation
    let turns: KeyTurns

    var uuid: RepositoryUUID { target.uuid }

    func store(_ key: Key, from upload: Upload) async throws -> StoreOutcome {
        let first = try await turns.withTurn(for: key) { try await take($0, key, upload) }
        if let first { return first }
        return try await turns.withTurn(for: key, hasStepped: true) { _ in
            // What it sent before cannot be sent again.
            try await target.isPresent(key)
                ? .stored(also: []) : .notStored(reason: "the upload crawled while others waited for this key")
        }
    }

    /// Nil where the upload has given way.
    private func take(_ turn: Turn, _ key: Key, _ upload: Upload) async throws -> StoreOutcome? {
        if turn.hasWaited, try await target.isPresent(key) { return .stored(also: []) }
        var watched = upload
        watched.body = WatchedBody(body: upload.body, turn: turn)
        do {
            let outcome = try await turn.steppingBack { [watched] in try await target.store(key, from: watched) }
            if case .notStored = outcome, turn.isAskedToStepBack { return nil }
            return outcome
        } catch {
            if turn.isAskedToStepBack, !Task.isCancelled { return nil }
            throw error
        }
    }

    func isPresent(_ key: Key) async throws -> Bool { try await target.isPresent(key) }
    func open(_ key: Key, for reading: Reading) async throws -> Content? { try await target.open(key, for: reading) }
    func partial(of key: Key) async throws -> PartialContent { try await target.partial(of: key) }
    func confirm(_ key: Key) async throws -> StoreOutcome { try await target.confirm(key) }
    func lock(_ key: Key) async throws -> (any HeldLock)? { try await target.lock(key) }

    func remove(_ key: Key, before deadline: BootSeconds?) async throws -> RemovalOutcome {
        try await target.remove(key, before: deadline)
    }
}

/// A body that tells the turn how it gets on.
private struct WatchedBody: UploadBody {
    let body: any UploadBody
    let turn: Turn

    func next() async throws -> UploadChunk {
        let chunk = try await body.next()
        switch chunk {
        case .bytes(let piece): turn.advance(by: piece.readableBytes)
        case .end: turn.settle()
        case .broken: break
        }
        return chunk
    }
}
