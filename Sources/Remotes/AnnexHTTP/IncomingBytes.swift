import AnnexProtocol
import Locations
import NIOCore

/// The bytes of an answer, counted and verified on the way. One task at a time pulls them.
///
/// What completes the content is handed out only after the digest was found right and the target has ended the answer.
final class IncomingBytes: ContentBytes, @unchecked Sendable {
    private let location: AnnexHTTPLocation
    private let key: Key
    /// How many bytes were announced.
    private let length: UInt64
    private let incoming: Incoming
    private let place: Place
    private let verifier: StreamVerifier?
    private var received: UInt64 = 0
    private var isDone = false

    init(
        location: AnnexHTTPLocation, key: Key, length: UInt64, incoming: Incoming, place: Place,
        verifier: StreamVerifier?
    ) {
        self.location = location
        self.key = key
        self.length = length
        self.incoming = incoming
        self.place = place
        self.verifier = verifier
    }

    func next() async throws -> ByteBuffer? {
        if isDone { return nil }
        do {
            let piece = try await advance()
            if isDone { place.release() }
            return piece
        } catch {
            isDone = true
            cancel()
            throw error
        }
    }

    func cancel() {
        incoming.cancel()
        place.release()
    }

    deinit { cancel() }

    private func advance() async throws -> ByteBuffer? {
        let piece = try await pull()
        if let piece {
            received += UInt64(piece.readableBytes)
            if received > length { throw misbehaved("sent more than the \(length) announced bytes of") }
            try await verifier?.feed(piece)
        }
        guard received == length else {
            guard let piece else { throw misbehaved("sent \(received) of \(length) bytes of") }
            return piece
        }
        if piece != nil, try await pull() != nil { throw misbehaved("sent more than the \(length) announced bytes of") }
        if let verifier, try await verifier.finish() != .accepted { throw misbehaved("sent wrong content of") }
        isDone = true
        return piece
    }

    /// The next bytes, never empty.
    private func pull() async throws -> ByteBuffer? {
        while let piece = try await incoming.next(within: location.client.settings.stallTimeout) {
            if piece.readableBytes > 0 { return piece }
        }
        return nil
    }

    private func misbehaved(_ what: String) -> LocationError {
        LocationError(.misbehaved, "\(location.name) \(what) \(key)")
    }
}
