import AnnexBranch
import AnnexProtocol
import Blocking
import GitHost
import Logging
import ObjectStore
import SystemPackage

/// What a crash left behind, looked through when a repository is opened.
extension HostedRepository {
    /// Has what a crash or another program left in the journal committed soon, and logs what became of uploads,
    /// removals and pushes that it cut off. Does so once.
    ///
    /// Each step is for itself: where one fails, the others are done all the same. What could not be done keeps its
    /// trace on disk, for the next time that the repository is opened.
    func recover() async {
        // Where others alone change the branch, they also look after what is left.
        guard isFirstRecovery(), branch?.settings.isReadOnly != true else { return }
        await recovering { try await self.branch?.recover() }
        await recovering {
            // A push was received, and a crash kept it from being merged and compared with the object store; or
            // somebody else moved the branch. It may take long, and nobody waits for it: what is not done by the end of
            // the process is done after the next start.
            if try await self.branch?.hasUnverifiedChanges == true {
                Task { await self.keepingOpen { await self.finishInterruptedPush() } }
            }
        }
        if await !logWhatIsLeft() { logSoon() }
        await removeAbandonedGitFiles()
    }

    /// Has what became of uploads and removals logged a little later, and again until it can be: the log could not be
    /// written, as on a full disk, and who asked for them has been told so. Their traces on disk say which they are.
    func logSoon(after delay: Duration = firstDelay) {
        guard isFirstToLogSoon() else { return }
        // Keeps nothing open, and nobody waits for it: where the repository is closed meanwhile, its next opening does
        // it.
        Task { [weak self] in
            try? await Task.sleep(for: delay)
            guard let self else { return }
            self.logsNow()
            if await !self.logWhatIsLeft() { self.logSoon(after: min(delay * 2, Self.longestDelay)) }
        }
    }

    private static let firstDelay = Duration.seconds(5)
    private static let longestDelay = Duration.seconds(300)

    /// Whether nothing is left.
    private func logWhatIsLeft() async -> Bool {
        var isDone = true
        for step in [recoverUploads, recoverRemovals] {
            let isLast = await recovering { if try await !step() { isDone = false } }
            if !isLast { isDone = false }
        }
        return isDone
    }

    /// Whether it was done.
    @discardableResult
    private func recovering(_ key: Key? = nil, _ step: () async throws -> Void) async -> Bool {
        do {
            try await step()
            return true
        } catch {
            var metadata = ["repository": "\(name)", "error": "\(error)"]
            metadata["key"] = key.map(\.description)
            services.logger.warning(
                "what a crash or a failed write left could not be logged", metadata: metadata.mapValues { "\($0)" })
            return false
        }
    }

    /// Logs content of uploads that a crash ended between the object and its log, and removes their lock files.
    ///
    /// Answers whether all are logged.
    private func recoverUploads() async throws -> Bool {
        let objects = objects
        var unlogged: Set<Key> = []
        for key in try await services.pool.run({ try objects.interruptedUploads() }) {
            let isDone = await recovering(key) {
                try await self.services.pool.run { try objects.synchronize(key) }
                try await self.logLocation(of: key)
            }
            if !isDone { unlogged.insert(key) }
        }
        let kept = unlogged
        try await services.pool.run { try objects.cleanUpTransfers(besides: kept) }
        return kept.isEmpty
    }

    /// Logs what became of content whose removal a crash ended between the object and its log.
    ///
    /// Answers whether all are logged.
    private func recoverRemovals() async throws -> Bool {
        let objects = objects
        let removals = try await services.pool.run { try objects.interruptedRemovals() }
        defer { for removal in removals { removal.release() } }
        var isDone = true
        for removal in removals {
            let isLogged = await recovering(removal.key) {
                try await self.logLocation(of: removal.key)
                try await self.services.pool.run { try removal.finish() }
            }
            if !isLogged { isDone = false }
        }
        return isDone
    }

    private func logLocation(of key: Key) async throws {
        guard let branch, let uuid else { return }
        let objects = objects
        try await services.withReserve {
            try await branch.recordLocation(of: key, in: uuid) { try objects.find(key) != nil }
        }
    }

    private func removeAbandonedGitFiles() async {
        let gitDirectory = gitDirectory
        await recovering {
            let removed = try await self.services.pool.run { try AbandonedFiles.remove(from: gitDirectory) }
            if removed.isEmpty { return }
            self.services.logger.notice(
                "files of git processes that were killed are removed",
                metadata: ["repository": "\(self.name)", "files": "\(removed.map(\.string))"])
        }
    }
}
