import Blocking
import FileIO
import GitHost
import Logging

extension Catalog {
    /// How often a repository that is in use is looked at.
    private static let upkeepInterval = Duration.seconds(10)

    /// Packs git's objects in the repositories that are in use, one repository at a time, until the task is cancelled.
    public func keepPacked() async {
        while !Task.isCancelled {
            for repository in openRepositories where repository.takesUpkeep(every: Self.upkeepInterval) {
                if await !renewed(repository) { await repository.keepPacked() }
            }
            try? await Task.sleep(for: .seconds(1))
        }
    }

    /// Opens a repository anew where its configuration has changed in a way that it cannot follow: nobody may ask for
    /// it again, and then the journal of the old one would wait.
    private func renewed(_ repository: HostedRepository) async -> Bool {
        do {
            _ = try await services.pool.run { try repository.currentSettings() }
            return false
        } catch HostingError.reconfigured {
            await discard(repository)
            _ = try? await self.repository(named: repository.name)
            return true
        } catch {
            return false
        }
    }
}

extension HostedRepository {
    /// What is left free at least, in bytes, when a pack is written that makes no room before it is whole.
    private static let spaceLeft: UInt64 = 64 << 20

    fileprivate func keepPacked() async {
        let upkeep = PackUpkeep(gitDirectory: gitDirectory, memory: services.gitMemory)
        let census = { @Sendable () throws -> PackUpkeep.Census? in
            let limits = try self.currentSettings().packing
            let census = try upkeep.census()
            return census.isDue(limits) ? census : nil
        }
        do {
            guard let due = try await services.pool.run(census) else { return }
            let metadata: Logger.Metadata = [
                "repository": "\(name)", "packs": "\(due.packs.count)", "loose": "\(due.looseObjects)",
            ]
            let path = gitDirectory
            let free = try await services.pool.run { try Files.freeSpace(at: path) }
            let shortage = services.reserve?.shortage ?? 0
            let needed = due.bytesNeeded.addingSaturating(Self.spaceLeft).addingSaturating(shortage)
            guard free >= needed else {
                services.logger.warning(
                    "there is no space to pack objects: \(needed - free) bytes more", metadata: metadata)
                return postponeUpkeep(by: .seconds(3600))
            }
            try await upkeep.run()
            services.logger.info("objects were packed", metadata: metadata)
            // Whatever the reason is, it would not help to do the same again in a moment.
            if try await services.pool.run(census) != nil { postponeUpkeep(by: .seconds(3600)) }
        } catch is CancellationError {
        } catch let error as HostingError where error.endsInstance {
        } catch {
            postponeUpkeep(by: .seconds(3600))
            services.logger.warning(
                "objects could not be packed", metadata: ["repository": "\(name)", "error": "\(error)"])
        }
    }
}
