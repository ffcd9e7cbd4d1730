import AnnexDigest
public import AnnexProtocol
public import Blocking
public import FileIO
import NIOCore
import SystemPackage

/// A folder of the host's own for content that has to be whole before it can be passed on: to places that cannot take
/// an upload piece by piece, or cannot be told at its end that it was wrong.
///
/// An upload that breaks off leaves its bytes for the next try. They are named after content and place by a digest, so
/// that no name that came from outside is ever a path.
public final class SpoolShelf: Sendable {
    private let folder: ConfinedPath
    private let pool: BlockingPool
    private let ledger: SpaceLedger
    private let reserve: @Sendable () -> UInt64

    /// - Parameters:
    ///   - folder: it is made, if its parent is there.
    ///   - pool: threads that may wait for the disk.
    ///   - reserve: bytes that are to stay free on its disk, now.
    public init(
        folder: ConfinedPath, pool: BlockingPool, ledger: SpaceLedger, keeping reserve: @escaping @Sendable () -> UInt64
    ) {
        self.folder = folder
        self.pool = pool
        self.ledger = ledger
        self.reserve = reserve
    }

    /// How many bytes an earlier upload of the same content to the same place left behind. What has no digest may be
    /// resumed by the client that began it alone.
    public func kept(_ key: Key, for place: RepositoryUUID, client: [UInt8]) async throws -> UInt64 {
        let path = path(key, place, client)
        return try await onDisk {
            guard let status = try Files.status(path), status.kind == .regular else { return 0 }
            return status.size <= key.size ?? .max ? status.size : 0
        }
    }

    /// Takes the bytes of an upload, behind those that are kept, and compares all of it with the key.
    ///
    /// Throws ``LocationError``: `full` before a byte is taken, if there is no room for what is announced; `busy` if
    /// the same content is being spooled for the same place.
    public func receive(
        _ upload: Upload, of key: Key, for place: RepositoryUUID
    ) async throws -> SpoolOutcome {
        let path = path(key, place, upload.client)
        guard upload.length >= 0 else {
            try await onDisk { _ = try Files.unlink(path) }
            return .notSpooled(reason: "the sender has less than was kept")
        }
        let length = UInt64(upload.length)
        let isJudged = upload.body.isJudged && upload.offset == 0
        let (folder, ledger, reserve) = (folder, ledger, reserve)
        let (room, file) = try await onDisk {
            try Files.createDirectory(folder.path, mode: 0o700)
            let room = try ledger.reserve(length, at: folder.path, keeping: reserve())
            return (
                room, try SpoolFile(path, offset: upload.offset, verifier: isJudged ? nil : ContentVerifier(key))
            )
        }
        defer { room.release() }
        guard let file else { throw LocationError(.busy, "the same content is being passed on already; try again") }
        do {
            let outcome = try await fill(file, from: upload, length, room, key, isJudged)
            // Not when the last thread lets go of the file: who comes back at once shall find it free.
            if case .notSpooled = outcome { file.release() }
            return outcome
        } catch {
            file.release()
            throw error
        }
    }

    private func fill(
        _ file: SpoolFile, from upload: Upload, _ length: UInt64, _ room: SpaceLedger.Reservation, _ key: Key,
        _ isJudged: Bool
    ) async throws -> SpoolOutcome {
        guard file.existing == upload.offset else {
            return .notSpooled(reason: "the offset is beyond the \(file.existing) bytes that are here")
        }
        while try await onDisk({ try file.rereadSome() }) { try Task.checkCancellation() }
        var received: UInt64 = 0
        while true {
            switch try await upload.body.next() {
            case .bytes(let piece):
                received += UInt64(piece.readableBytes)
                if received > length {
                    try await onDisk { try file.rollBack() }
                    return .notSpooled(reason: "more than the \(length) announced bytes")
                }
                try await onDisk { try file.append(piece) }
                room.use(UInt64(piece.readableBytes))
            case .broken:
                return .notSpooled(reason: "the connection broke; \(file.size) bytes are kept for the next try")
            case .end(let told):
                guard received == length else {
                    try await onDisk { try file.rollBack() }
                    return .notSpooled(reason: "\(length - received) of \(length) bytes are missing")
                }
                let found = isJudged ? told : try await onDisk { file.verdict() }
                guard found != .wrong, told != .wrong else {
                    try await onDisk { try file.discard() }
                    return .notSpooled(reason: "the content is not that of the key")
                }
                return .spooled(Spool(key: key, file: file.file, size: file.size, proof: found))
            }
        }
    }

    /// Removes what was left behind for so long that nobody will come back for it. Blocking.
    ///
    /// - Parameter now: seconds since 1970.
    public func removeLeftovers(olderThan age: Duration, now: Int64) throws {
        guard try Files.exists(folder) else { return }
        for name in try Files.list(folder) {
            let path = folder.appending(bytes: name)
            guard let status = try Files.status(path), now - status.modified.seconds > age.components.seconds,
                let file = try? OpenFile(path, .readWrite), try file.tryLock(.exclusive)
            else { continue }
            try file.unlink()
        }
    }

    private func path(_ key: Key, _ place: RepositoryUUID, _ client: [UInt8]) -> ConfinedPath {
        let owner = key.expectedDigest == nil ? client : []
        let digest = StreamingDigest.digest(.sha256, of: place.bytes + [0] + key.fileName + [0] + owner)
        return folder.appending(digest.map { $0 < 16 ? "0" + String($0, radix: 16) : String($0, radix: 16) }.joined())
    }

    private func onDisk<Result: Sendable>(_ work: @escaping @Sendable () throws -> Result) async throws -> Result {
        do {
            return try await pool.run(work)
        } catch let error as FileError {
            throw LocationError(error)
        } catch is PoolWasShutDown {
            throw LocationError(.busy, "the server is ending; try again", cause: nil)
        }
    }
}
