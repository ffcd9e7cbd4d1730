import AnnexProtocol
import Blocking
import FileIO
import Locations
import NIOCore
import ObjectStore
import Synchronization

extension LocalContent {
    /// An upload of content that is not the same as what is stored, and the object that it is to replace.
    struct Mending: Sendable {
        var upload: Upload
        var replacing: FileStatus.Version
    }

    /// Compares what a client sends with what is stored, since a disk may have changed that; nil where they are the
    /// same, or where no digest could tell which of the two is right.
    ///
    /// Up to the first difference the body is read and not written, so that content which is here needs no space to be
    /// sent once more. The upload that is returned begins with the part that is the same. Its digest decides as for any
    /// other: the object stays until other content has proved to be that of the key.
    func difference(of upload: Upload, from key: Key) async throws -> Mending? {
        let equivalents = try await equivalentKeys(of: key)
        guard ContentVerifier(key, equivalentKeys: equivalents).isVerifiable else { return nil }
        guard let opened = try await repository.perform({ try objects.open(key) }),
            upload.length >= 0, upload.offset.addingSaturating(UInt64(upload.length)) == opened.size
        else { return nil }
        var position = upload.offset
        while case .bytes(let buffer) = try await upload.body.next() {
            let start = position
            position += UInt64(buffer.readableBytes)
            // Longer than it said; what is stored is not put into question by that.
            guard position <= opened.size else { return nil }
            if try await repository.perform({ opened.file.holds(buffer, at: start) }) { continue }
            // Attack: two contents with one digest, which is feasible for MD5, of which the second is to replace the
            // first.
            if !key.isSecure(equivalentKeys: equivalents), try await isGenuine(opened, key) { return nil }
            var mending = upload
            mending.offset = 0
            mending.length = Int64(clamping: opened.size)
            mending.body = MendedBody(opened.file, upTo: start, then: buffer, upload.body, repository.services.pool)
            return Mending(upload: mending, replacing: opened.object.status.version)
        }
        return nil
    }
}

extension LocalContent {
    /// Whether what is stored is the content of the key, by its digest.
    func holdsGenuine(_ key: Key) async throws -> Bool {
        guard let opened = try await repository.perform({ try objects.open(key) }) else { return false }
        return try await isGenuine(opened, key)
    }
}

extension OpenFile {
    /// Whether these bytes are in the file; not where it cannot be read.
    fileprivate func holds(_ bytes: ByteBuffer, at start: UInt64) -> Bool {
        bytes.withUnsafeReadableBytes { bytes in
            var stored = [UInt8](repeating: 0, count: min(bytes.count, 256 << 10))
            var done = 0
            while done < bytes.count {
                let wanted = min(stored.count, bytes.count - done)
                let count = stored.withUnsafeMutableBytes {
                    (try? read(into: UnsafeMutableRawBufferPointer(rebasing: $0[..<wanted]), at: start + UInt64(done)))
                        ?? 0
                }
                guard count > 0, stored[..<count].elementsEqual(bytes[done..<done + count]) else { return false }
                done += count
            }
            return true
        }
    }
}

/// The beginning of a file, some bytes after it, and the rest of a body that they were taken from.
private final class MendedBody: UploadBody {
    private let file: OpenFile
    private let end: UInt64
    private let rest: any UploadBody
    private let pool: BlockingPool
    private let state: Mutex<(position: UInt64, taken: ByteBuffer?)>

    private static let pieceSize: UInt64 = 1 << 20

    init(_ file: OpenFile, upTo end: UInt64, then taken: ByteBuffer, _ rest: any UploadBody, _ pool: BlockingPool) {
        self.file = file
        self.end = end
        self.rest = rest
        self.pool = pool
        state = Mutex((0, taken))
    }

    func next() async throws -> UploadChunk {
        let start = state.withLock { $0.position }
        if start < end {
            let (file, length) = (file, Int(min(Self.pieceSize, end - start)))
            let piece = try await pool.run {
                var piece = [UInt8](repeating: 0, count: length)
                let count = try piece.withUnsafeMutableBytes { try file.read(into: $0, at: start) }
                return Array(piece.prefix(count))
            }
            // Somebody has cut it off meanwhile.
            if piece.isEmpty { return .broken }
            state.withLock { $0.position += UInt64(piece.count) }
            return .bytes(ByteBuffer(bytes: piece))
        }
        let taken = state.withLock { state in
            defer { state.taken = nil }
            return state.taken
        }
        if let taken { return .bytes(taken) }
        return try await rest.next()
    }
}
