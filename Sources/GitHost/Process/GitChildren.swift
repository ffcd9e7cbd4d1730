import Synchronization
public import SystemPackage

/// The git processes that this process has started and that have not ended.
public final class GitChildren: Sendable {
    /// All of them: processes belong to the operating system's process, not to a part of it.
    public static let all = GitChildren()

    /// From this long on a process that is waited for counts as stuck.
    public static let stuckAfter = Duration.seconds(60)
    /// So many processes that do not end are left behind in one repository; it gets no more before one of them ends.
    static let mostLeftBehind = 4

    private let children = Mutex<[ObjectIdentifier: GitChild]>([:])
    private let bound = Mutex(Duration.seconds(300))

    init() {}

    /// How long a process that is waited for may be silent; less where a command says so itself.
    ///
    /// Git gives a sign of life every 5 seconds where it works long for a client, and all else takes a moment, or some
    /// seconds in a large repository.
    public var patience: Duration {
        get { bound.withLock { $0 } }
        set { bound.withLock { $0 = newValue } }
    }

    func add(_ child: GitChild) throws(GitError) {
        let isFull = children.withLock { children in
            let left = children.values.filter { $0.gitDirectory == child.gitDirectory && $0.isLeft }
            if left.count >= Self.mostLeftBehind { return true }
            children[ObjectIdentifier(child)] = child
            return false
        }
        if isFull {
            throw GitError(
                code: .timedOut, command: "",
                message: "not started: others do not end although they were killed, in \"\(child.gitDirectory)\"")
        }
    }

    func remove(_ child: GitChild) {
        _ = children.withLock { $0.removeValue(forKey: ObjectIdentifier(child)) }
    }

    /// Processes that are waited for in vain, or that did not end when they were killed: how many in each repository.
    public func stuck(
        for time: Duration = stuckAfter, at now: ContinuousClock.Instant = .now
    ) -> [FilePath: Int] {
        children.withLock { children in
            children.values.reduce(into: [:]) { stuck, child in
                if child.isStuck(for: time, at: now) { stuck[child.gitDirectory, default: 0] += 1 }
            }
        }
    }

    /// Kills all of them, and what they have started. For the end of the server.
    public func killAll() {
        for child in children.withLock({ Array($0.values) }) { child.kill() }
    }
}
