import Logging

extension AnnexBranch {
    /// Takes note of new journal files and sees to it that they are committed in time.
    func noteChanges(_ files: Int) {
        let wasDue = schedule.deadline.map { $0 <= .now } ?? false
        schedule.changed(files: files, at: .now)
        guard settings.commitsAutomatically, !isClosed, let deadline = schedule.deadline else { return }
        if timer != nil {
            // A sleeping timer looks again at its old deadline; only one that has become due must be woken.
            guard deadline <= .now, !wasDue else { return }
            timer?.cancel()
        }
        // Not a child of anybody: it ends when nothing waits, and `close` commits in its place.
        timer = Task { await self.commitWhenDue() }
    }

    private func commitWhenDue() async {
        while !Task.isCancelled, let deadline = schedule.deadline {
            if ContinuousClock.now < deadline {
                try? await Task.sleep(until: deadline, clock: .continuous)
                continue
            }
            do {
                try await flush()
            } catch {
                // Nothing is lost: the changes are in the journal, and the next attempt takes them.
                logger.error("git-annex branch not committed", metadata: ["error": "\(error)"])
                schedule.failed(at: .now)
            }
        }
        if !Task.isCancelled { timer = nil }
    }
}
