import AnnexBranch
import AnnexProtocol
import Blocking
import FileIO
import Locations
import Logging
import NIOCore
import ObjectStore

extension LocalContent {
    /// Uploads of one key take turns: the second waits, and usually finds the content stored. One that crawls steps back
    /// for those behind it, and goes on later where it was: none is cut off, and two never write into one file.
    func store(_ key: Key, from upload: Upload) async throws -> StoreOutcome {
        // Content that nobody can be told of must not be taken.
        guard branch.canRecordLocation(of: key) else { return .refused(Self.unloggable) }
        return try await repository.keepingOpen {
            var upload = upload
            var replacing: FileStatus.Version?
            var hasStepped = false
            var turnsInVain = 0
            while turnsInVain < Self.turnsInVain {
                let step = try await repository.turns.withTurn(for: key, hasStepped: hasStepped) { turn in
                    try await take(turn, for: key, upload, replacing: replacing)
                }
                switch step {
                case .ended(let outcome):
                    // What was sent is not the content; what is here may be.
                    if replacing != nil, case .notStored = outcome, try await holdsGenuine(key) {
                        return .stored(also: [])
                    }
                    return outcome
                case .present:
                    try await secure(key)
                    if replacing != nil { return .notStored(reason: "what is stored here differs, and stays") }
                    guard let mending = try await difference(of: upload, from: key) else { return .stored(also: []) }
                    (upload, replacing) = (mending.upload, mending.replacing)
                case .steppedBack(let received):
                    hasStepped = true
                    turnsInVain = received > 0 ? 0 : turnsInVain + 1
                    upload.offset += received
                    upload.length -= Int64(received)
                }
            }
            return .notStored(reason: "the upload is stuck, and others wait for this key")
        }
    }

    private enum Step: Sendable {
        case ended(StoreOutcome)
        /// The key has content here; nothing of the body was taken.
        case present
        /// So many bytes of the body were taken; the rest is still to come.
        case steppedBack(received: UInt64)
    }

    private func take(
        _ turn: Turn, for key: Key, _ upload: Upload, replacing: FileStatus.Version?
    ) async throws -> Step {
        switch try await beginReceiving(key, upload, replacing: replacing) {
        case .alreadyPresent: return .present
        case .refused(let refusal): return .ended(try await outcome(of: refusal))
        case .busy: return .ended(.notStored(reason: "another process is receiving this key"))
        case .ready(let reception):
            let step = try await receive(key, from: upload.body, into: reception, turn)
            if replacing != nil, case .ended(.stored) = step {
                repository.services.logger.warning(
                    "an object was not what its key says, and was replaced by what a client sent",
                    metadata: ["repository": "\(repository.name)", "key": "\(key)"])
            }
            return step
        }
    }

    /// Another process, such as a stock `git annex get` in this repository, may hold the transfer lock for a while.
    private func beginReceiving(
        _ key: Key, _ upload: Upload, replacing: FileStatus.Version?
    ) async throws -> ReceiveStart {
        try await examine(key)
        let equivalents = try await equivalentKeys(of: key)
        let deadline = ContinuousClock.now + Self.patience
        let (client, file, offset, length) = (
            upload.client, upload.associatedFile ?? [], upload.offset, upload.length
        )
        while true {
            let start = try await repository.perform {
                try objects.beginReceiving(
                    key, clientUUID: client, associatedFile: file, offset: offset, length: length,
                    isSecure: key.isSecure(equivalentKeys: equivalents), replacing: replacing,
                    checker: KeyChecker(ContentVerifier(key, equivalentKeys: equivalents)))
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
        _ key: Key, from body: any UploadBody, into reception: Reception, _ turn: Turn
    ) async throws -> Step {
        let pool = repository.services.pool
        guard let end = try await turn.steppingBack({ try await pump(body, into: reception, turn) }) else {
            // What came is kept as if the connection had broken; whoever is next goes on from there.
            let received = reception.bytesReceived
            _ = try await pool.run { try reception.finish(.broken) }
            try await pool.run { reception.release() }
            return .steppedBack(received: received)
        }
        let result = try await pool.run { try reception.finish(end) }
        if case .stored = result {
            // The content is safe before anybody is told of it, and it is told before the sender is answered.
            try await recordPresence(of: key)
        }
        try await pool.run { reception.release() }
        switch result {
        case .stored: return .ended(.stored(also: []))
        case .rejected(let reason): return .ended(.notStored(reason: "\(reason)"))
        case .kept(let bytes):
            return .ended(.notStored(reason: "the connection broke; \(bytes) bytes are kept for the next try"))
        }
    }

    /// Writes and hashes the body as it comes; answers how it ended, or nil when it was left for others that wait.
    private func pump(_ body: any UploadBody, into reception: Reception, _ turn: Turn) async throws -> BodyEnd? {
        let pool = repository.services.pool
        // Step by step, so that neither a client that leaves nor one that waits must see the end of a long reading.
        while let count = try await pool.run({ try reception.rereadSome() }) {
            turn.advance(by: count)
            if turn.isAskedToStepBack { return nil }
            try Task.checkCancellation()
        }
        while true {
            if turn.isAskedToStepBack { return nil }
            switch try await body.next() {
            case .bytes(let buffer):
                turn.advance(by: buffer.readableBytes)
                try await pool.run { try buffer.withUnsafeReadableBytes { try reception.append($0) } }
                if reception.isTooLong { return .tooLong }
            case .end:
                turn.settle()
                return .complete
            case .broken: return turn.isAskedToStepBack ? nil : .broken
            }
        }
    }

    static var unloggable: Refusal { .forbidden(reason: "the name of the key cannot be logged") }

    private func outcome(of refusal: ReceiveRefusal) async throws -> StoreOutcome {
        switch refusal {
        case .notEnoughSpace(let missing):
            let repository = repository
            let reserve = try await repository.perform { try repository.currentSettings().store.diskReserve }
            return .refused(.notEnoughSpace(missing: missing, reserve: UInt64(max(0, reserve))))
        case .insecureBackend, .readOnly, .nameTooLong: return .refused(.forbidden(reason: "\(refusal)"))
        case .negativeLength, .offsetBeyondPartial, .wrongLength: return .notStored(reason: "\(refusal)")
        }
    }

    /// After so many turns without a byte an upload is given up; each lasts a few seconds, so in all about as long as a
    /// body that nobody waits for may be silent.
    private static var turnsInVain: Int { 100 }

    /// How long an upload waits for another process.
    private static var patience: Duration { .seconds(20) }
}

/// The store's view of a key's verifier.
private struct KeyChecker: ContentChecking {
    private let verifier: ContentVerifier

    init(_ verifier: ContentVerifier) { self.verifier = verifier }

    func update(_ bytes: UnsafeRawBufferPointer) { verifier.update(bytes) }
    func isGenuine(totalLength: UInt64) -> Bool { verifier.received == totalLength && verifier.finish() == .accepted }
    var isVerifiable: Bool { verifier.isVerifiable }
}
