import AnnexBranch
import AnnexProtocol
import Blocking
import FileIO
import Locations
import Logging
import NIOCore
import ObjectStore

extension LocalContent {
    /// Uploads of one key take turns: the second waits, and usually finds the content stored. One that crawls steps
    /// back for those behind it, and goes on later where it was: none is cut off, and two never write into one file.
    func store(_ key: Key, from upload: Upload) async throws -> StoreOutcome {
        // Content that nobody can be told of must not be taken.
        guard branch.canRecordLocation(of: key) else { throw Self.unloggable }
        return try await inLocationErrors { try await repository.keepingOpen { try await take(key, upload) } }
    }

    private func take(_ key: Key, _ upload: Upload) async throws -> StoreOutcome {
        var rest = upload
        if let outcome = try await receive(key, &rest, replacing: nil) { return outcome }
        try await secure(key)
        guard var mending = try await difference(of: rest, from: key) else { return .stored(at: [uuid]) }
        guard let outcome = try await receive(key, &mending.upload, replacing: mending.replacing) else {
            try await secure(key)
            return .notStored(reason: "what is stored here differs, and stays")
        }
        switch outcome {
        case .stored:
            repository.services.logger.warning(
                "an object was not what its key says, and was replaced by what a client sent",
                metadata: ["repository": "\(repository.name)", "key": "\(key)"])
            return outcome
        // What was sent is not the content; what is here may be.
        case .notStored: return try await holdsGenuine(key) ? .stored(at: [uuid]) : outcome
        }
    }

    /// Takes the upload in its turns. Nil if the key has content here, and the rest of the body was not taken.
    private func receive(
        _ key: Key, _ rest: inout Upload, replacing: FileStatus.Version?
    ) async throws -> StoreOutcome? {
        var isPresent = false
        let outcome = try await repository.turns.uploading(key) { turn in
            guard let step = try await take(turn, for: key, rest, replacing: replacing) else {
                isPresent = true
                return .ended(.stored(at: [uuid]))
            }
            if case .steppedBack(let received) = step {
                rest.offset += received
                rest.length -= Int64(received)
            }
            return step
        }
        return isPresent ? nil : outcome
    }

    /// Nil if the key has content here; nothing of the body was taken.
    private func take(
        _ turn: Turn, for key: Key, _ upload: Upload, replacing: FileStatus.Version?
    ) async throws -> UploadStep? {
        switch try await beginReceiving(key, upload, replacing: replacing) {
        case .alreadyPresent: return nil
        case .refused(let refusal): return .ended(.notStored(reason: try await reason(of: refusal)))
        case .busy: return .ended(.notStored(reason: "another process is receiving this key"))
        case .ready(let reception): return try await receive(key, from: upload, into: reception, turn)
        }
    }

    /// Another process, such as a stock `git annex get` in this repository, may hold the transfer lock for a while.
    private func beginReceiving(
        _ key: Key, _ upload: Upload, replacing: FileStatus.Version?
    ) async throws -> ReceiveStart {
        try await examine(key)
        let equivalents = try await equivalentKeys(of: key)
        let isJudged = upload.isJudgedInFront
        let deadline = ContinuousClock.now + Self.patience
        let (client, file, offset, length) = (
            upload.client, upload.associatedFile ?? [], upload.offset, upload.length
        )
        while true {
            let start = try await repository.perform {
                try objects.beginReceiving(
                    key, clientUUID: client, associatedFile: file, offset: offset, length: length,
                    isSecure: key.isSecure(equivalentKeys: equivalents), replacing: replacing,
                    checker: isJudged ? nil : KeyChecker(ContentVerifier(key, equivalentKeys: equivalents)))
            }
            guard case .busy = start, ContinuousClock.now < deadline else { return start }
            try await Task.sleep(for: .milliseconds(200))
        }
    }

    /// Only VURL keys have content that other keys describe.
    func equivalentKeys(of key: Key) async throws -> [Key] {
        key.backend.kind == .vurl ? try await branch.equivalentKeys(of: key) : []
    }

    private func receive(
        _ key: Key, from upload: Upload, into reception: Reception, _ turn: Turn
    ) async throws -> UploadStep {
        let pool = repository.services.pool
        guard let end = try await turn.steppingBack({ try await pump(upload, into: reception, turn) }) else {
            // What came is kept as if the connection had broken; whoever is next goes on from there.
            let received = reception.bytesReceived
            _ = try await pool.run { try reception.finish(.broken) }
            try await pool.run { reception.release() }
            return .steppedBack(after: received)
        }
        let result: ReceiveOutcome
        do { result = try await pool.run { try reception.finish(end) } } catch {
            // It may have come all the same: what failed may be what follows from that.
            repository.logSoon()
            throw error
        }
        if case .stored = result {
            // The content is safe before anybody is told of it, and it is told before the sender is answered.
            try await recordWhatIs(of: key)
        }
        try await pool.run { reception.release() }
        switch result {
        case .stored: return .ended(.stored(at: [uuid]))
        case .rejected(let reason): return .ended(.notStored(reason: "\(reason)"))
        case .kept(let bytes):
            return .ended(.notStored(reason: "the connection broke; \(bytes) bytes are kept for the next try"))
        }
    }

    /// Writes and hashes the body as it comes; answers how it ended, or nil when it was left for others that wait.
    private func pump(_ upload: Upload, into reception: Reception, _ turn: Turn) async throws -> BodyEnd? {
        let pool = repository.services.pool
        // Step by step, so that neither a client that leaves nor one that waits must see the end of a long reading.
        while let count = try await pool.run({ try reception.rereadSome() }) {
            turn.advance(by: count)
            if turn.isAskedToStepBack { return nil }
            try Task.checkCancellation()
        }
        while true {
            if turn.isAskedToStepBack { return nil }
            switch try await upload.body.next() {
            case .bytes(let buffer):
                turn.advance(by: buffer.readableBytes)
                try await pool.run { try buffer.withUnsafeReadableBytes { try reception.append($0) } }
                if reception.isTooLong { return .tooLong }
            case .end(let proof):
                turn.settle()
                if upload.isJudgedInFront { return .judged(isGenuine: proof == .right) }
                return proof == .wrong ? .judged(isGenuine: false) : .complete
            case .broken: return turn.isAskedToStepBack ? nil : .broken
            }
        }
    }

    static var unloggable: LocationError { LocationError(.forbidden, "the name of the key cannot be logged") }

    /// Why the content is not stored, if the sender alone can mend that; throws what a person should read before any
    /// byte is sent.
    private func reason(of refusal: ReceiveRefusal) async throws -> String {
        switch refusal {
        case .notEnoughSpace(let missing):
            let repository = repository
            let reserve = try await repository.perform { try repository.currentSettings().store.diskReserve }
            throw LocationError.notEnoughSpace(missing: missing, reserve: UInt64(max(0, reserve)))
        case .insecureBackend, .readOnly, .nameTooLong: throw LocationError(.forbidden, "\(refusal)")
        case .negativeLength, .offsetBeyondPartial, .wrongLength: return "\(refusal)"
        }
    }

    /// How long an upload waits for another process.
    private static var patience: Duration { .seconds(20) }
}

extension Upload {
    /// Whether nobody needs to look at the content any more when it has come. A body that goes on after it has stepped
    /// back is judged as well, but not what is here from before.
    fileprivate var isJudgedInFront: Bool { offset == 0 && body.isJudged }
}

/// The store's view of a key's verifier.
private struct KeyChecker: ContentChecking {
    private let verifier: ContentVerifier

    init(_ verifier: ContentVerifier) { self.verifier = verifier }

    func update(_ bytes: UnsafeRawBufferPointer) { verifier.update(bytes) }
    func isGenuine(totalLength: UInt64) -> Bool { verifier.received == totalLength && verifier.finish() == .accepted }
    var isVerifiable: Bool { verifier.isVerifiable }
}
