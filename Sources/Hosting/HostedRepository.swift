public import AnnexBranch
public import AnnexProtocol
import Blocking
import FileIO
import GitHost
public import Locations
import Logging
import ObjectStore
import Synchronization
public import SystemPackage

/// One repository that is being served: its configuration, objects, git-annex branch and locks.
///
/// Opened on demand and closed when idle; it owns no descriptor, no thread and no process while nothing happens.
public final class HostedRepository: Sendable {
    public let name: RepositoryName
    public let gitDirectory: FilePath
    /// Nil for a repository that is not an annex (yet): git works, contents do not.
    public let uuid: RepositoryUUID?
    /// The git-annex branch; nil where there is no annex.
    public let branch: AnnexBranch?
    public let services: HostServices
    let turns = KeyTurns()
    let objects: ObjectStore
    let settingsWhenOpened: RepositorySettings
    private let source: SettingsSource
    /// What others keep for as long as this is open, by its type.
    private let attachments = Mutex<[ObjectIdentifier: any Sendable]>([:])
    private let use = Mutex(Use())

    private struct Use {
        var last = ContinuousClock.now
        /// Pieces of work that need the repository open to their end.
        var running = 0
        var isRecovered = false
        /// Whether somebody is about to log what could not be logged.
        var logsSoon = false
        /// When it was seen last whether git's objects are to be packed; long ago for one that was just opened.
        var examined = ContinuousClock.now - .seconds(3600)
    }

    /// Opens the repository at `gitDirectory`. Blocking.
    init(name: RepositoryName, gitDirectory: FilePath, services: HostServices) throws {
        if let oddity = try RepositoryShape(gitDirectory).oddity() { throw HostingError.unfit(name, oddity.detail) }
        var services = services
        // A disk that does not answer keeps the threads of the repositories on it, and no others.
        services.pool = services.pool.share(of: gitDirectory.string)
        let source = try SettingsSource(name: name, gitDirectory: gitDirectory)
        let settings = try source.current()
        self.name = name
        self.gitDirectory = gitDirectory
        self.services = services
        self.source = source
        settingsWhenOpened = settings
        uuid = settings.uuid
        let reserve = services.reserve
        let objects = ObjectStore(gitDirectory: gitDirectory) {
            var settings = try source.current().store
            // Uploads leave alone what the reserve has to get back.
            let shortage = Int64(clamping: reserve?.shortage ?? 0)
            settings.diskReserve = settings.diskReserve.addingSaturating(shortage)
            return settings
        }
        self.objects = objects
        let own = OwnRepository(
            description: Array("\(name) (annexd)".utf8), parts: { try objects.firstHashDirectories() },
            keys: { part in
                try objects.folders(in: part) { _ in }.filter { $0.object != nil && $0.isInPlace }.compactMap(\.key)
            })
        branch = uuid.map { uuid in
            AnnexBranch(
                gitDirectory: gitDirectory, uuid: uuid, settings: settings.branch(commitDelay: services.commitDelay),
                executor: services.pool, logger: services.logger, own: own, requireSame: { _ = try source.current() })
        }
    }

    /// What the configuration says now. Blocking; re-reads the file when it changed.
    ///
    /// Throws ``HostingError/gone(_:)`` when the repository was removed, replaced, or got another identity, and
    /// ``HostingError/reconfigured(_:)`` when it must be opened anew.
    public func currentSettings() throws -> RepositorySettings { try source.current() }

    /// Runs blocking work on this repository's files.
    public func perform<Result: Sendable>(_ work: @escaping @Sendable () throws -> Result) async throws -> Result {
        touch()
        return try await services.pool.run(work)
    }

    /// This repository's own content as a place; nil if it is no annex.
    public var ownContent: (any ContentLocation)? { localContent }

    var localContent: LocalContent? {
        guard let uuid, let branch else { return nil }
        return LocalContent(repository: self, uuid: uuid, branch: branch)
    }

    /// What another module knows of this repository for as long as it is open: made when it is first asked for.
    public func attached<Value: AnyObject & Sendable>(_ make: () -> Value) -> Value {
        attachments.withLock { attachments in
            if let known = attachments[ObjectIdentifier(Value.self)] as? Value { return known }
            let fresh = make()
            attachments[ObjectIdentifier(Value.self)] = fresh
            return fresh
        }
    }

    /// Whether nobody has looked yet for what a crash left here; from now on somebody has.
    func isFirstRecovery() -> Bool {
        use.withLock { use in
            defer { use.isRecovered = true }
            return !use.isRecovered
        }
    }

    /// Whether nobody is about to log what is left; from now on somebody is, until ``logsNow()``.
    func isFirstToLogSoon() -> Bool {
        use.withLock { use in
            defer { use.logsSoon = true }
            return !use.logsSoon
        }
    }

    func logsNow() { use.withLock { $0.logsSoon = false } }

    /// Commits what waits in the journal, so that readers see the newest state of the git-annex branch.
    ///
    /// What cannot be committed now stays in the journal and is no reason to turn a reader away: the disk may be full,
    /// or the repository be one that this process may only read. Where nothing waits no lock is taken and no file made.
    public func flushBranch() async {
        touch()
        guard let branch else { return }
        do {
            if try await branch.hasPendingChanges { try await branch.flush() }
        } catch {
            services.logger.warning(
                "the git-annex branch is served without what waits in its journal",
                metadata: ["repository": "\(name)", "error": "\(error)"])
        }
    }

    /// Runs `body` and keeps the repository open to its end: an upload or a push may take longer than the time after
    /// which an unused repository is closed, and writes to the git-annex branch when it is done.
    public func keepingOpen<Result>(_ body: () async throws -> Result) async rethrows -> Result {
        use.withLock { $0.running += 1 }
        defer {
            use.withLock { use in
                use.running -= 1
                use.last = .now
            }
        }
        return try await body()
    }

    func touch() { use.withLock { $0.last = .now } }

    func isIdle(for duration: Duration) -> Bool {
        use.withLock { $0.running == 0 && $0.last.duration(to: .now) > duration }
    }

    /// Whether it was used since its packs were examined, and not only a moment ago; from now on they are examined.
    func takesUpkeep(every interval: Duration) -> Bool {
        use.withLock { use in
            let now = ContinuousClock.now
            guard use.examined + interval < now, use.examined < use.last || use.running > 0 else { return false }
            use.examined = now
            return true
        }
    }

    /// Has the packs examined no sooner than this.
    func postponeUpkeep(by duration: Duration) { use.withLock { $0.examined = .now + duration } }

    /// Commits what is pending and stops timers.
    func close() async {
        do {
            try await branch?.close()
        } catch {
            // Nothing is lost: the journal keeps it until the repository is opened again. A deleted one is not missed.
            let source = source
            guard (try? await services.pool.run({ try source.current() })) != nil else { return }
            services.logger.error(
                "the journal could not be committed", metadata: ["repository": "\(name)", "error": "\(error)"])
        }
    }
}

public enum HostingError: Error, Sendable, CustomStringConvertible {
    /// The repository is not, or no longer, there.
    case gone(RepositoryName)
    /// Its configuration changed in a way for which it must be opened anew; a moment later it can be used again.
    case reconfigured(RepositoryName)
    /// A repository of this name exists already.
    case exists(RepositoryName)
    /// The text is no repository name.
    case badName(String)
    /// The operation cannot be done, for this reason.
    case refused(String)
    /// The repository is not served until its operator has put this in order.
    case unfit(RepositoryName, String)

    /// Whether an open repository that throws this can no longer be used.
    var endsInstance: Bool {
        switch self {
        case .gone, .reconfigured: true
        case .exists, .badName, .refused, .unfit: false
        }
    }

    public var description: String {
        switch self {
        case .gone(let name): "there is no repository \"\(name)\""
        case .reconfigured(let name): "the configuration of \"\(name)\" has just changed; try again"
        case .exists(let name): "\"\(name)\" exists already"
        case .badName(let text): "\"\(text)\" cannot be the name of a repository"
        case .refused(let reason): reason
        case .unfit(let name, let reason): "the repository \"\(name)\" is not served: \(reason)"
        }
    }
}

extension HostedRepository {
    /// Whether the repository has no work tree, as it was when it was opened.
    public var isBare: Bool { settingsWhenOpened.isBare }

    /// The git-annex branch as a ref.
    public static let branchRef = "refs/heads/git-annex"
}
