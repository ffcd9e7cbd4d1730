public import AnnexProtocol
public import FileIO
internal import SystemPackage

/// What became of a bad object.
public enum QuarantineOutcome: Sendable, Hashable {
    /// It is in `annex/bad` now, under this name. Write the location log at once.
    case moved(name: [UInt8])
    /// Another file is in its place by now, or none.
    case changed
    /// It cannot be moved now, for this reason.
    case refused(String)
}

extension ObjectStore {
    /// Moves content that is not what its key says to `annex/bad`, where `git annex fsck` puts it as well, under the
    /// lock that a removal takes. The bytes may still be of use to somebody.
    ///
    /// - Parameters:
    ///   - version: the file that was found bad.
    ///   - log: records that the content is not here; called before the lock is freed.
    public func quarantine(
        _ key: Key, version: FileStatus.Version, log: () async throws -> Void
    ) async throws -> QuarantineOutcome {
        switch try beginRemoval(key) {
        case .absent: return .changed
        case .locked: return .refused("it is locked by somebody who relies on it; try again in ten minutes")
        case .refused(let reason): return .refused("\(reason)")
        case .ready(let removal):
            guard let name = try removal.moveContent(version: version, to: paths.annex.appending("bad")) else {
                try removal.finish()
                return .changed
            }
            do { try await log() } catch {
                removal.giveUp()
                throw error
            }
            try removal.finish()
            return .moved(name: name)
        }
    }
}
