import Blocking
import FileIO
import GitHost
import Glibc
import Synchronization
import SystemPackage

/// What a client sends, kept in a file without a name until it has come whole.
///
/// For a push that makes its repository, which others wait for that make the same one; and for the first push of a
/// git-annex branch: from its beginning to its end the host's own branch is out of sight. Both begin only when nobody's
/// connection can delay their end.
final class PushSpool: Sendable {
    private static let number = Atomic<UInt64>(0)
    private static let pieceSize = 256 << 10

    private let file: OpenFile
    private let pool: BlockingPool
    private let size = Mutex<UInt64>(0)

    /// - Parameter folder: where a crash leaves it to be cleared away.
    init(in folder: FilePath, on pool: BlockingPool) async throws {
        self.pool = pool
        let number = Self.number.wrappingAdd(1, ordering: .relaxed).newValue
        // A name under which it would be cleared away, should a crash come before it is taken away.
        let path = folder.appending("tmp_push_\(getpid())_\(number)")
        file = try await pool.run {
            let file = try OpenFile(path, [.readWrite, .create, .exclusive], mode: 0o600)
            _ = try Files.unlink(path)
            return file
        }
    }

    /// How many bytes are in it.
    var count: UInt64 { size.withLock { $0 } }

    func append(_ bytes: [UInt8]) async throws {
        let (file, offset) = (file, count)
        try await pool.run { try file.write(bytes, at: offset) }
        size.withLock { $0 += UInt64(bytes.count) }
    }

    /// Writes everything to git; ends early when git reads no more.
    func feed(_ input: GitInput) async throws {
        let (file, end) = (file, count)
        var offset: UInt64 = 0
        while offset < end {
            let (start, length) = (offset, Int(min(UInt64(Self.pieceSize), end - offset)))
            let piece = try await pool.run {
                var piece = [UInt8](repeating: 0, count: length)
                let read = try piece.withUnsafeMutableBytes { try file.read(into: $0, at: start) }
                return Array(piece.prefix(read))
            }
            guard !piece.isEmpty, try await input.write(piece) else { return }
            offset += UInt64(piece.count)
        }
    }
}
