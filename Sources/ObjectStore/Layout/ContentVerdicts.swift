internal import FileIO
internal import Glibc
internal import Synchronization
internal import SystemPackage

/// How objects that somebody may edit in place compared with their keys, for as long as they stay as they were then.
///
/// Only objects of repositories with a work tree get here (``StoredObject/needsVerification``).
final class ContentVerdicts: Sendable {
    private struct Verdict {
        var version: FileStatus.Version
        var changed: Int64
        var isGenuine: Bool
    }

    private let known = Mutex<[FilePath: Verdict]>([:])

    /// Whether the file is what its key says; nil where that is not known of this version of it.
    func isGenuine(_ path: FilePath, _ status: FileStatus) -> Bool? {
        known.withLock { known in
            guard let verdict = known[path], verdict.version == status.version, verdict.changed == status.changed else {
                return nil
            }
            return verdict.isGenuine
        }
    }

    /// - Parameter status: the file as it was before it was read.
    func note(_ path: FilePath, _ status: FileStatus, isGenuine: Bool) {
        // Within a tick of the file system's clock it may be edited again and look the same. What is wrong is believed
        // all the same, until something shows otherwise.
        if isGenuine, Int64(time(nil)) - max(status.modified.seconds, status.changed) < 2 { return forget(path) }
        known.withLock { known in
            // Whatever is dropped is read once more.
            if known.count >= Self.maximumCount { known = [:] }
            known[path] = Verdict(version: status.version, changed: status.changed, isGenuine: isGenuine)
        }
    }

    private func forget(_ path: FilePath) { known.withLock { $0[path] = nil } }

    private static let maximumCount = 4096
}
