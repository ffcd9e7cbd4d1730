import AnnexProtocol
import Locations
import NIOCore
import NIOHTTP1
import Synchronization

extension AnnexHTTPLocation {
    /// One streaming `put`. The last byte goes out only when the sender has ended the body properly, with as many bytes
    /// as it announced, and they are right; a target thus throws away what is not (spec 03 §3.3, #64).
    func store(_ key: Key, from upload: Upload) async throws -> StoreOutcome {
        let upload = upload.judged(as: key, pool: pool)
        let place = try await state.gate.enter(.transfer, name)
        defer { place.release() }
        try await prepareUpload(of: key)
        if try await hasForeignPartial(of: key) {
            return .notStored(
                reason: "a part of the content is at \(name), and nothing tells whether it is this client's")
        }
        do {
            return upload.length > 0
                ? try await send(key, upload) : try await sendNothing(key, upload)
        } catch is UploadSource.Broken {
            return .notStored(reason: "the sender's connection broke")
        }
    }

    /// Settles version and login before the first upload, while no byte of the body depends on it.
    ///
    /// `putoffset` is let in where `put` is (spec 01 §6.5); what else it answers is of no interest here.
    private func prepareUpload(of key: Key) async throws {
        if state.acceptsUploads.load(ordering: .relaxed), state.versions.withLock({ $0.current(at: .now) }) != nil {
            return
        }
        do {
            if try await ask(ifPossible: .putOffset(key), .offset) == nil { _ = try await askPresence(of: key) }
            state.acceptsUploads.store(true, ordering: .relaxed)
        } catch let error as LocationError {
            // The stock program fails here while another upload of the key runs; `put` will tell.
            guard error.code == .misbehaved, error != doesNotServe else { throw error }
        }
    }

    /// Whether the target would put the content behind bytes that may be somebody else's.
    private func hasForeignPartial(of key: Key) async throws -> Bool {
        guard key.expectedDigest == nil, case (.offset(let count), false)? = try await askOffset(key) else {
            return false
        }
        return count > 0
    }

    private func put(_ key: Key, _ upload: Upload) -> P2POperation {
        .put(P2POperation.Put(key: key, associatedFile: upload.associatedFile, offset: upload.offset))
    }

    private func headers(_ upload: Upload) -> [(String, String)] {
        [(DataLengthHeader.name, "\(upload.length)"), ("Content-Type", "application/octet-stream")]
    }

    /// An upload without bytes. A negative length tells the target that what it has is too much (spec 01 §6.5).
    private func sendNothing(_ key: Key, _ upload: Upload) async throws -> StoreOutcome {
        let source = UploadSource(upload.body)
        guard try await source.next() == nil else { return .notStored(reason: "more bytes than announced") }
        if upload.length == 0, !source.isGenuine {
            return .notStored(reason: "the content is not that of the key")
        }
        let reply = try await ask(ifPossible: put(key, upload), .stored, headers: headers(upload))
        switch reply {
        case nil: throw doesNotServe
        case .stored(true, let others): return .stored(at: places(others))
        case .stored(false, _):
            return .notStored(
                reason: upload.length < 0 ? "the sender has less than \(name) had before" : notStored)
        default: throw nonsense
        }
    }

    private var notStored: String { "\(name) did not store it" }

    private func send(_ key: Key, _ upload: Upload) async throws -> StoreOutcome {
        let source = UploadSource(upload.body)
        let operation = put(key, upload)
        let result = try await stepping(operation) { version in
            try await state.login.authorizing { credentials in
                let request = request(operation, version, credentials, headers: headers(upload))
                return try await attempt(request, source, upload.length)
            }
        }
        guard let result else { throw doesNotServe }
        guard result.answer.status == 200 else {
            if result.answer.status == 403 { state.acceptsUploads.store(false, ordering: .relaxed) }
            throw result.answer.failure(from: name)
        }
        switch result.ending {
        case .short(let missing)?: return .notStored(reason: "\(missing) of \(upload.length) bytes are missing")
        case .tooLong?: return .notStored(reason: "more than the \(upload.length) announced bytes")
        case .wrongContent?: return .notStored(reason: "the content is not that of the key")
        case .complete?, nil: break
        }
        switch try result.answer.reply(.stored, from: name) {
        case .stored(true, let others): return .stored(at: places(others))
        case .stored(false, _): return .notStored(reason: notStored)
        default: throw nonsense
        }
    }

    /// Sends the body, and sends it again over a fresh connection where the first one had died unnoticed.
    private func attempt(
        _ request: Client.Request, _ source: UploadSource, _ length: Int64
    ) async throws -> Client.UploadResult<UploadSource.Ending> {
        var tries = Client.Tries(name)
        while true {
            guard source.canRewind else {
                // Version and login are open questions again; the next upload settles them first.
                state.acceptsUploads.store(false, ordering: .relaxed)
                throw source.refusal?.failure(from: name)
                    ?? LocationError(.unreachable, "\(name) broke the connection in the middle of the upload")
            }
            source.rewind()
            do {
                let result = try await client.upload(request, fresh: tries.isAgain) { stream, exchange in
                    do {
                        return try await feed(source, UInt64(length), into: stream, exchange)
                    } catch let broken as UploadSource.Broken {
                        // What has come is kept by the target for the next try, so it gets all of it.
                        try await stream.drain()
                        throw broken
                    }
                }
                source.refusal = result.answer
                return result
            } catch let dead as Client.DeadConnection {
                try tries.failed(dead)
            }
        }
    }

    /// Passes the body on, up to its last byte; answers how the sender ended it.
    private func feed(
        _ source: UploadSource, _ length: UInt64, into stream: UploadStream, _ exchange: Exchange
    ) async throws -> UploadSource.Ending {
        var received: UInt64 = 0
        var last: ByteBuffer?
        while var piece = try await source.next() {
            let count = UInt64(piece.readableBytes)
            let room = length - received
            received += min(count, room)
            if count >= room, last == nil {
                if room > 1, let front = piece.readSlice(length: Int(room) - 1) {
                    try await stream.send(front, exchange)
                }
                last = piece.readSlice(length: 1)
            } else if last == nil {
                try await stream.send(piece, exchange)
            }
            if count > room {
                stream.finish()
                return .tooLong
            }
        }
        if received < length {
            stream.finish()
            return .short(by: length - received)
        }
        guard source.isGenuine, let last else {
            stream.finish()
            return .wrongContent
        }
        try await stream.send(last, exchange)
        stream.finish()
        return .complete
    }
}
