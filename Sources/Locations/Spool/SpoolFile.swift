import AnnexProtocol
import FileIO
import NIOCore
import Synchronization
import SystemPackage

/// A file that is being spooled into. Blocking; one task at a time uses it.
///
/// The lock on the file says that somebody writes it, to this process and others; it ends with ``release()`` or the
/// descriptor.
final class SpoolFile: Sendable {
    private struct State {
        /// Where the next bytes of the body go.
        var position: UInt64
        /// How much of the beginning the verifier has seen.
        var verified: UInt64 = 0
    }

    let file: OpenFile
    private let start: UInt64
    /// Nil if the body is judged by somebody else. Guarded by `state`.
    private nonisolated(unsafe) let verifier: ContentVerifier?
    private let state: Mutex<State>

    /// Opens the file for content from `offset` on; nil if somebody else writes it.
    ///
    /// - Parameter verifier: sees all of the content, also what is there already; nil for a body that is judged.
    init?(_ path: ConfinedPath, offset: UInt64, verifier: sending ContentVerifier?) throws {
        // Whoever has finished meanwhile may have removed the name.
        var opened: OpenFile
        repeat {
            opened = try OpenFile(path, [.readWrite, .create], mode: 0o600)
            guard try opened.tryLock(.exclusive) else { return nil }
        } while try !opened.isStillLinked()
        let existing = try opened.status().size
        if existing > offset { try opened.truncate(to: offset) }
        file = opened
        start = min(existing, offset)
        self.verifier = verifier
        state = Mutex(State(position: start))
    }

    /// Where the body has to begin at the latest, in bytes.
    var existing: UInt64 { start }
    /// How much of the content is here, in bytes.
    var size: UInt64 { state.withLock { $0.position } }

    /// Has the verifier see some of what was there; false when it has seen all.
    func rereadSome() throws -> Bool {
        try state.withLock { state in
            guard let verifier, state.verified < start else { return false }
            var buffer = [UInt8](repeating: 0, count: Int(min(start - state.verified, 8 << 20)))
            let count = try buffer.withUnsafeMutableBytes { try file.read(into: $0, at: state.verified) }
            guard count > 0 else { throw LocationError(.failed, "a spooled file became shorter meanwhile") }
            buffer.withUnsafeBytes { verifier.update(UnsafeRawBufferPointer(rebasing: $0[..<count])) }
            state.verified += UInt64(count)
            return true
        }
    }

    func append(_ piece: ByteBuffer) throws {
        try state.withLock { state in
            try piece.withUnsafeReadableBytes { bytes in
                try file.write(bytes, at: state.position)
                verifier?.update(bytes)
            }
            state.position += UInt64(piece.readableBytes)
            state.verified = state.position
        }
    }

    /// What the content turned out to be; asked once, after the last byte.
    func verdict() -> Proof {
        state.withLock { _ in
            guard let verifier else { return .unchecked }
            return verifier.finish() == .accepted ? (verifier.isVerifiable ? .right : .unchecked) : .wrong
        }
    }

    /// Takes back what this body brought: nothing tells that it belongs to the content.
    func rollBack() throws {
        if start == 0 { try discard() } else { try file.truncate(to: start) }
    }

    func discard() throws { try file.unlink() }

    /// Lets others write the file; nothing more is done with it here.
    func release() { try? file.unlock() }
}
