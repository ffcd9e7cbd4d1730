import FileIO
import GitHost
import Logging
import SystemPackage

extension AnnexBranch {
    /// Takes note of new journal files and sees to it that they are committed in time.
    func noteChanges(_ files: Int) {
        schedule.changed(files: files, at: .now)
        guard settings.commitsAutomatically, !settings.isReadOnly, !isClosed, let deadline = schedule.deadline else {
            return
        }
        if timer != nil {
            // A sleeping timer looks again by itself; but many changes, or the end of a hold, bring the deadline
            // forward.
            guard let timerWakes, deadline < timerWakes else { return }
            timer?.cancel()
            self.timerWakes = nil
        }
        // Not a child of anybody: it ends when nothing waits, and `close` commits in its place.
        timer = Task { await self.commitWhenDue() }
    }

    private func commitWhenDue() async {
        while !Task.isCancelled, let deadline = schedule.deadline {
            if ContinuousClock.now < deadline {
                timerWakes = deadline
                try? await Task.sleep(until: deadline, clock: .continuous)
                if !Task.isCancelled { timerWakes = nil }
                continue
            }
            do {
                try await flushIfDue()
            } catch {
                if await isGone() {
                    // Whoever removed the repository removed its journal with it: there is nothing left to commit.
                    logger.notice(
                        "a repository was removed; its last changes went with it",
                        metadata: ["folder": "\(gitDirectory)"])
                    schedule.committed()
                    continue
                }
                // Nothing is lost: the changes are in the journal, and the next attempt takes them.
                logger.error("git-annex branch not committed", metadata: ["error": "\(error)"])
                schedule.failed(at: .now)
                // A git process that was killed may have left a lock on the branch.
                let gitDirectory = gitDirectory
                _ = try? await executor.run { try AbandonedFiles.remove(from: gitDirectory) }
            }
        }
        if !Task.isCancelled { timer = nil }
    }

    private func isGone() async -> Bool {
        let config = gitDirectory.appending("config")
        return (try? await executor.run { try Files.exists(config) }) == false
    }
}
