import AnnexBranch
import AnnexProtocol
import Blocking
import FileIO
import Locations
import NIOCore
import ObjectStore

extension LocalContent {
    /// Uploads of one key take turns: the second waits, and usually finds the content stored.
    func store(_ key: Key, from upload: Upload) async throws -> StoreOutcome {
        try await repository.keepingOpen {
            try await repository.turns.withTurn(for: key) {
                switch try await beginReceiving(key, upload) {
                case .alreadyPresent: return .stored(also: [])
                case .refused(let refusal): return outcome(of: refusal)
                case .busy: return .notStored(reason: "another process is receiving this key")
                case .ready(let reception): return try await receive(key, from: upload.body, into: reception)
                }
            }
        }
    }

    /// Another process, such as a stock `git annex get` in this repository, may hold the transfer lock for a while.
    private func beginReceiving(_ key: Key, _ upload: Upload) async throws -> ReceiveStart {
        let equivalents = try await equivalentKeys(of: key)
        let deadline = ContinuousClock.now + Self.patience
        let (client, file, offset, length) = (
            upload.client, upload.associatedFile ?? [], upload.offset, upload.length
        )
        while true {
            let start = try await repository.perform {
                try objects.beginReceiving(
                    key, clientUUID: client, associatedFile: file, offset: offset, length: length,
                    isSecure: key.isSecure(equivalentKeys: equivalents),
                    checker: KeyChecker(ContentVerifier(key, equivalentKeys: equivalents)))
            }
            guard case .busy = start, ContinuousClock.now < deadline else { return start }
            try await Task.sleep(for: .milliseconds(200))
        }
    }

    /// Only VURL keys have content that other keys describe.
    private func equivalentKeys(of key: Key) async throws -> [Key] {
        key.backend.kind == .vurl ? try await branch.equivalentKeys(of: key) : []
    }

    private func receive(_ key: Key, from body: any UploadBody, into reception: Reception) async throws -> StoreOutcome
    {
        let pool = repository.services.pool
        let end = try await pump(body, into: reception)
        let result = try await pool.run { try reception.finish(end) }
        if case .stored = result {
            // The content is safe before anybody is told of it, and it is told before the sender is answered.
            try await branch.recordLocation(of: key, in: uuid, present: true)
        }
        try await pool.run { reception.release() }
        switch result {
        case .stored: return .stored(also: [])
        case .rejected(let reason): return .notStored(reason: "\(reason)")
        case .kept(let bytes):
            return .notStored(reason: "the connection broke; \(bytes) bytes are kept for the next try")
        }
    }

    /// Writes and hashes the body as it comes; answers how it ended.
    private func pump(_ body: any UploadBody, into reception: Reception) async throws -> BodyEnd {
        let pool = repository.services.pool
        while true {
            switch try await body.next() {
            case .bytes(let buffer):
                try await pool.run { try buffer.withUnsafeReadableBytes { try reception.append($0) } }
                if reception.isTooLong { return .tooLong }
            case .end: return .complete
            case .broken: return .broken
            }
        }
    }

    private func outcome(of refusal: ReceiveRefusal) -> StoreOutcome {
        switch refusal {
        case .notEnoughSpace(let missing): .refused(.notEnoughSpace(missing: missing))
        case .insecureBackend, .readOnly, .nameTooLong: .refused(.forbidden(reason: "\(refusal)"))
        case .negativeLength, .offsetBeyondPartial, .wrongLength: .notStored(reason: "\(refusal)")
        }
    }

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
