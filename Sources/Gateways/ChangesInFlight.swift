import AnnexProtocol
import Blocking
import Synchronization

/// The changes of content at remotes that a gateway has passed on and not logged yet.
///
/// Where two of them are about one key, which of them the remote carried out last cannot be told from the order of its
/// answers. Then the remote is asked before something is logged.
final class ChangesInFlight: Sendable {
    struct Subject: Hashable, Sendable {
        var key: Key
        /// The remote.
        var uuid: RepositoryUUID
    }

    /// Those about one subject, as long as there are any.
    final class Group: Sendable {
        fileprivate let running = Atomic(0)
        private let overlaps = Atomic(false)
        private let line = WaitingLine<Bool, Void>(true) { isFree, _ in
            defer { isFree = false }
            return isFree
        }

        /// Whether there was more than one at a time.
        var isContested: Bool { overlaps.load(ordering: .acquiring) }

        fileprivate func enter() {
            if running.add(1, ordering: .acquiringAndReleasing).oldValue > 0 {
                overlaps.store(true, ordering: .releasing)
            }
        }

        /// Runs `body` when no other one of the group is in here; nil where that takes too long.
        func alone<Result>(_ body: () async throws -> Result) async rethrows -> Result? {
            guard await line.enter((), patience: .seconds(60)) else { return nil }
            defer { line.change { isFree, _ in isFree = true } }
            return try await body()
        }
    }

    private let groups = Mutex<[Subject: Group]>([:])

    /// How many subjects have changes.
    var count: Int { groups.withLock { $0.count } }

    /// Runs a change, from before the remote is asked until it is logged.
    func during<Result>(_ subject: Subject, _ body: (Group) async throws -> Result) async rethrows -> Result {
        let group = groups.withLock { groups in
            let group = groups[subject] ?? Group()
            groups[subject] = group
            group.enter()
            return group
        }
        defer {
            groups.withLock { groups in
                if group.running.subtract(1, ordering: .acquiringAndReleasing).newValue == 0 { groups[subject] = nil }
            }
        }
        return try await body(group)
    }
}
