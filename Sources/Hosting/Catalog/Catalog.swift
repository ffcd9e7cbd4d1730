public import AnnexProtocol
import Blocking
import FileIO
import Locations
import Logging
import Synchronization
import SystemPackage

/// The repositories of a host: finds them by name and by UUID, and keeps those open that are in use.
///
/// By name, the file system itself answers, in constant time, so whatever another process does is seen at once. By
/// UUID, an index answers that a scan in the background keeps up to date; an unknown UUID never makes anybody wait for
/// a scan.
public final class Catalog: Sendable {
    public let root: RootFolder
    public let services: HostServices

    fileprivate struct State {
        var open: [RepositoryName: HostedRepository] = [:]
        /// Repositories elsewhere on this machine, to which hosted ones proxy, by git directory.
        var outside: [FilePath: HostedRepository] = [:]
        var index: [RepositoryName: RepositoryScan.Found] = [:]
        var namesByUUID: [RepositoryUUID: Set<RepositoryName>] = [:]
        /// Which repositories may proxy for a repository, as their git configs say.
        var gatewaysByUUID: [RepositoryUUID: Set<RepositoryName>] = [:]
        /// Repositories with remotes that may be gateways themselves.
        var indirectGateways: Set<RepositoryName> = []
        /// Whether the index is whole; before, it has gaps.
        var hasScanned = false
        /// Repositories with one UUID that the log has told of.
        var reported: [RepositoryUUID: Set<RepositoryName>] = [:]
        /// Repositories with a git-annex branch and no UUID that the log has told of.
        var reportedForks: Set<RepositoryName> = []
        /// What settings tell of a repository as a gateway; nothing unless somebody has said how to find out.
        var gatewayFacts: @Sendable (RepositorySettings) -> GatewayFacts = { _ in GatewayFacts() }
    }

    private let state = Mutex(State())

    /// How long a repository stays open after its last use.
    static let idleTime = Duration.seconds(60)
    /// How often the background scan looks for changes.
    static let scanInterval = Duration.seconds(1)

    public init(root: RootFolder, services: HostServices) {
        self.root = root
        self.services = services
    }

    /// The repository with this name, or with this former name; nil where there is none.
    public func repository(named name: RepositoryName) async throws -> HostedRepository? {
        let open = state.withLock { state in
            let open = state.open[name]
            // Within the lock, or it could be found idle and closed before the caller uses it.
            open?.touch()
            return open
        }
        if let open {
            do {
                _ = try await open.services.pool.run { try open.currentSettings() }
                return open
            } catch let error as HostingError where error.endsInstance {
                await discard(open)
            }
        }
        let share = services.pool.share(of: root.folder(of: name).string)
        let found = try await share.run { try self.find(name) }
        await found?.recover()
        return found
    }

    /// The repository whose own UUID this is; nil if there is none, or if several are copies of one another. As the
    /// index knows; see ``firstScan(within:)``.
    public func repository(withUUID uuid: RepositoryUUID) async throws -> HostedRepository? {
        let names = state.withLock { $0.namesByUUID[uuid] ?? [] }
        guard names.count == 1, let name = names.first else {
            if !names.isEmpty { tellAmbiguous(uuid, names) }
            return nil
        }
        guard let repository = try await repository(named: name), repository.uuid == uuid else { return nil }
        return repository
    }

    /// Has the index know, from now on, which repositories may be gateways to which others.
    public func index(gatewaysBy facts: @escaping @Sendable (RepositorySettings) -> GatewayFacts) {
        state.withLock { $0.gatewayFacts = facts }
    }

    /// The repositories whose git config lets them proxy for `uuid`, and those with remotes that may be gateways for
    /// it.
    public func gateways(
        for uuid: RepositoryUUID
    ) -> (candidates: Set<RepositoryName>, indirect: Set<RepositoryName>) {
        state.withLock { ($0.gatewaysByUUID[uuid] ?? [], $0.indirectGateways) }
    }

    public func tellAmbiguous(_ uuid: RepositoryUUID, _ names: Set<RepositoryName>) {
        services.logger.info(
            "a UUID that several repositories may answer for was asked for without a path",
            metadata: ["uuid": "\(uuid)", "repositories": "\(names.sorted())"])
    }

    /// Whether a repository below the root has the content; nil if none has that UUID, as far as the index knows.
    public func hosts(_ key: Key, in uuid: RepositoryUUID) async throws -> Bool? {
        guard isHosted(uuid) else { return nil }
        return try await repository(withUUID: uuid)?.ownContent?.isPresent(key) ?? false
    }

    /// Waits for the first scan, which is over unless the server has just started. Until then the index has gaps: what
    /// is not in it may be there all the same, and what is in it may have copies.
    ///
    /// - Returns: false where it takes longer than `patience`.
    public func firstScan(within patience: Duration) async throws -> Bool {
        let end = ContinuousClock.now + patience
        while !state.withLock({ $0.hasScanned }) {
            guard ContinuousClock.now < end else { return false }
            try await Task.sleep(for: .milliseconds(20))
        }
        return true
    }

    /// Whether a repository below the root has this UUID, as far as the index knows.
    public func isHosted(_ uuid: RepositoryUUID) -> Bool { state.withLock { $0.namesByUUID[uuid]?.isEmpty == false } }

    /// A repository that is not below the root, by its git directory without symbolic links; it must be there.
    func repository(outside gitDirectory: FilePath) async throws -> HostedRepository? {
        let open = state.withLock { state in
            let open = state.outside[gitDirectory]
            open?.touch()
            return open
        }
        if let open {
            do {
                _ = try await open.services.pool.run { try open.currentSettings() }
                return open
            } catch let error as HostingError where error.endsInstance {
                state.withLock { if $0.outside[gitDirectory] === open { $0.outside[gitDirectory] = nil } }
                await open.close()
            }
        }
        let services = services
        let opened = try await services.pool.share(of: gitDirectory.string).run {
            try HostedRepository(
                name: RepositoryName(ofFolderOutside: gitDirectory.components.map(\.string)),
                gitDirectory: gitDirectory, services: services)
        }
        let found = state.withLock { state in
            if let other = state.outside[gitDirectory] { return other }
            state.outside[gitDirectory] = opened
            return opened
        }
        await found.recover()
        return found
    }

    /// Forgets an open repository whose folder is gone or was replaced.
    public func discard(_ repository: HostedRepository) async {
        state.withLock { if $0.open[repository.name] === repository { $0.open[repository.name] = nil } }
        await repository.close()
    }

    /// How many repositories are known and how many of them are open.
    public var counts: (known: Int, open: Int) { state.withLock { ($0.index.count, $0.open.count) } }

    /// Those below the root that are in use.
    var openRepositories: [HostedRepository] { state.withLock { Array($0.open.values) } }

    /// How many uploads wait for another one of the same key.
    public var waitingUploads: Int {
        let lines = state.withLock { state in
            state.open.values.map(\.turns) + state.outside.values.map(\.turns)
        }
        return lines.reduce(0) { $0 + $1.waiting }
    }

    /// Blocking. Opens the repository, or finds it open.
    private func find(_ name: RepositoryName) throws -> HostedRepository? {
        var name = name
        var gitDirectory = try root.gitDirectory(of: name)
        if gitDirectory == nil, let present = try root.presentName(of: name) {
            name = present
            gitDirectory = try root.gitDirectory(of: present)
        }
        guard let gitDirectory else { return nil }
        let opened = try HostedRepository(name: name, gitDirectory: gitDirectory, services: services)
        let facts = state.withLock { $0.gatewayFacts }
        let found = RepositoryScan.Found(
            name: name, gitDirectory: gitDirectory, uuid: opened.uuid, gateway: facts(opened.settingsWhenOpened))
        return state.withLock { state in
            if let other = state.open[name], (try? other.currentSettings()) != nil { return other }
            state.open[name] = opened
            state.add(found)
            return opened
        }
    }

    /// Scans, closes what is idle, and commits what other processes left in journals, until the task is cancelled.
    public func maintain(onFirstScan ready: @escaping @Sendable () -> Void) async {
        var scan = RepositoryScan(root: root, facts: state.withLock { $0.gatewayFacts })
        var isFirst = true
        // Closing waits for whoever has a journal locked; nothing else has to wait for that.
        await withDiscardingTaskGroup { closing in
            // By itself: the scan may be what is stuck.
            closing.addTask { await self.watchThreads() }
            while !Task.isCancelled {
                let current = scan
                if let (next, changed) = try? await services.pool.run({ () -> (RepositoryScan, Bool) in
                    var next = current
                    let changed = next.refresh()
                    return (next, changed)
                }) {
                    scan = next
                    if changed || isFirst { adopt(scan) }
                }
                await services.restoreReserve()
                if isFirst {
                    state.withLock { $0.hasScanned = true }
                    ready()
                    await clearWorkshop()
                }
                isFirst = false
                for repository in takeIdle(for: Self.idleTime) { closing.addTask { await repository.close() } }
                try? await Task.sleep(for: Self.scanInterval)
            }
        }
    }

    private func clearWorkshop() async {
        let root = root
        do {
            try await services.pool.run { try root.clearWorkshop() }
        } catch {
            services.logger.warning("what a crash left could not be removed", metadata: ["error": "\(error)"])
        }
    }

    /// Commits and closes everything; for shutdown.
    public func closeAll() async {
        let all = state.withLock { state in
            defer { (state.open, state.outside) = ([:], [:]) }
            return Array(state.open.values) + Array(state.outside.values)
        }
        await withDiscardingTaskGroup { group in
            for repository in all { group.addTask { await repository.close() } }
        }
    }

    private func adopt(_ scan: RepositoryScan) {
        let repositories = scan.repositories
        state.withLock { state in
            state.index = repositories
            (state.namesByUUID, state.gatewaysByUUID, state.indirectGateways) = ([:], [:], [])
            for found in repositories.values { state.add(found) }
        }
        reportCopies()
        reportForks()
        for found in repositories.values {
            for former in found.formerNames
            where (try? Files.exists(root.aliasFile(of: former))) == false
                && (try? root.gitDirectory(of: found.name)) != .some(nil)
            {
                try? RepositoryRenaming.writeAlias(from: former, to: found.name, in: root)
            }
        }
    }

    /// Tells the log once of repositories with one UUID: copies of one another, which git-annex takes for one
    /// repository.
    private func reportCopies() {
        let news = state.withLock { state in
            let copies = state.namesByUUID.filter { $0.value.count > 1 }
            defer { state.reported = copies }
            return copies.filter { state.reported[$0.key] != $0.value }
        }
        for (uuid, names) in news {
            services.logger.warning(
                "several repositories have one UUID; each can be reached by its path, and none by the UUID alone",
                metadata: ["uuid": "\(uuid)", "repositories": "\(names.sorted())"])
        }
    }

    /// Tells the log once of repositories that look like annexes and are none.
    private func reportForks() {
        let news = state.withLock { state in
            let forks = Set(state.index.values.filter(\.lacksUUID).map(\.name))
            defer { state.reportedForks = forks }
            return forks.subtracting(state.reportedForks)
        }
        for name in news.sorted() {
            services.logger.warning(
                "a repository has a git-annex branch and no UUID: contents are not served before somebody pushes that branch",
                metadata: ["repository": "\(name)"])
        }
    }

    /// Forgets the repositories that nobody has used for so long; they are still to be closed.
    func takeIdle(for duration: Duration) -> [HostedRepository] {
        state.withLock { state in
            let idle = state.open.filter { $0.value.isIdle(for: duration) }
            for name in idle.keys { state.open[name] = nil }
            let outside = state.outside.filter { $0.value.isIdle(for: duration) }
            for path in outside.keys { state.outside[path] = nil }
            return Array(idle.values) + Array(outside.values)
        }
    }
}

extension Catalog.State {
    fileprivate mutating func add(_ found: RepositoryScan.Found) {
        if let old = index[found.name] {
            if let uuid = old.uuid, uuid != found.uuid { namesByUUID[uuid]?.remove(found.name) }
            for uuid in old.gateway.proxies.subtracting(found.gateway.proxies) {
                gatewaysByUUID[uuid]?.remove(found.name)
            }
            if !found.gateway.mayHaveGateways { indirectGateways.remove(found.name) }
        }
        index[found.name] = found
        if let uuid = found.uuid { namesByUUID[uuid, default: []].insert(found.name) }
        for uuid in found.gateway.proxies { gatewaysByUUID[uuid, default: []].insert(found.name) }
        if found.gateway.mayHaveGateways { indirectGateways.insert(found.name) }
    }
}
