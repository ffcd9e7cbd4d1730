import AnnexProtocol
import Hosting
import Synchronization

/// Names of repositories that do not exist, and that somebody who may create them has just asked for: git whether it
/// may push, or git-annex for `/config`.
///
/// What git-annex reads at `/config` of a new name decides what it does. `git annex push` asks once: after a 404 it
/// pushes, asks again and sends content, and the push has told what the repository is like. All others ignore the
/// remote after a 404. They ask once more: the `pre-push` hook after git has asked, and `git annex enableremote`, which
/// DataLad runs. So from the second question on there is an answer, with the UUID that the repository will have.
final class AwaitedNames: Sendable {
    private let since = Mutex<[RepositoryName: ContinuousClock.Instant]>([:])

    /// The second question comes at once; what is only tried, as by `git push --dry-run`, is not to count for long.
    private static let patience = Duration.seconds(60)
    private static let maximumCount = 1000

    func note(_ name: RepositoryName, at now: ContinuousClock.Instant = .now) {
        since.withLock { since in
            if since.count >= Self.maximumCount { since = since.filter { Self.counts($0.value, at: now) } }
            // Whoever asks for so many names in a minute loses no more than this.
            if since.count >= Self.maximumCount { since = [:] }
            since[name] = now
        }
    }

    func contains(_ name: RepositoryName, at now: ContinuousClock.Instant = .now) -> Bool {
        since.withLock { $0[name].map { Self.counts($0, at: now) } ?? false }
    }

    private static func counts(_ since: ContinuousClock.Instant, at now: ContinuousClock.Instant) -> Bool {
        since.duration(to: now) < patience
    }
}
