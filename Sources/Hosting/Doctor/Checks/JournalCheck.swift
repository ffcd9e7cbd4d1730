import AnnexBranch
import Blocking
import FileIO
import SystemPackage

/// The journal: what cannot be committed, and what should have been long ago.
struct JournalCheck: Sendable {
    let examination: Examination
    let annex: ExaminedAnnex

    func run() async throws {
        let now = WallClock.seconds
        let branch = annex.branch
        var oldest: Int64?
        var count = 0
        for file in try await branch.journalFiles() {
            let age = now - file.modified
            let name = "annex/journal/\(Examination.text(file.name))"
            guard file.path != nil else {
                await examination.found(
                    .journalStrange, name, "its name stands for no file of the git-annex branch; it is never committed")
                continue
            }
            if file.isTorn, age > Judgement.Limits.journal {
                await examination.found(
                    .journalTorn, name, "its last line is not complete: the disk may have lost the rest")
            }
            oldest = max(oldest ?? age, age)
            count += 1
        }
        if let oldest, oldest > Judgement.Limits.journal {
            await examination.found(
                .journalOld, "annex/journal",
                "\(count) files wait to be committed, the oldest for \(Judgement.describe(age: oldest))"
            ) {
                try await branch.flush()
                return true
            }
        }
        let marker = ConfinedPath(annex.gitDirectory).appending("annexd/unverified")
        if let status = try await examination.pool.run({ try Files.status(marker) }),
            now - status.modified.seconds > Judgement.Limits.gitLock
        {
            // A push that takes this long is possible, so it stays: whoever opens the repository next goes on with it.
            await examination.found(
                .interruptedPush, "annexd/unverified",
                "a push was not finished \(Judgement.describe(age: now - status.modified.seconds)) ago; the server does so "
                    + "when the repository is used the next time")
        }
    }
}
