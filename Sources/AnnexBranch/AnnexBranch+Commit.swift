import AnnexProtocol
import GitHost
import Glibc
import Logging

extension AnnexBranch {
    /// Commits everything in the journal, also what the stock program left there. Returns when the branch has it.
    ///
    /// While a first push is being received nothing is committed; what waits stays durable in the journal.
    public func flush() async throws {
        try await uninterrupted { [self] in
            try await transaction { branch in
                if branch.schedule.isHeld(at: .now) { return }
                try await branch.commitJournal()
            }
        }
    }

    /// Commits for the timer: somebody else may have done so meanwhile, and then no lock is taken and no file made.
    func flushIfDue() async throws {
        try await uninterrupted { [self] in
            try await transactionIfDue { branch in
                if !branch.schedule.isHeld(at: .now) { try await branch.commitJournal() }
            }
        }
    }

    /// Commits the journal so that a push which touches a `git-annex` ref meets the branch as it really is
    /// (spec 02 §2.5).
    public func prepareForPush() async throws { try await flush() }

    /// The commit procedure of spec 02 §2.8.3, with the lock held.
    ///
    /// Safe at every step: before the branch moves the journal has everything; after it, committing the same files
    /// again changes nothing.
    func commitJournal() async throws {
        let journal = journal
        let names = try await executor.run { try journal.names() }
        var rest = names[...]
        while !rest.isEmpty {
            let part = Array(rest.prefix(settings.maximumPending))
            rest = rest.dropFirst(part.count)
            let (staged, strange) = try await executor.run { try journal.stage(part) }
            for name in strange {
                let text = String(decoding: name, as: UTF8.self)
                logger.warning("not a branch file in the journal", metadata: ["name": "\(text)"])
            }
            try await commit(staged)
            try await executor.run { try journal.remove(staged) }

        }
        schedule.committed()
    }

    private func commit(_ staged: [Journal.Staged]) async throws {
        if staged.isEmpty { return }
        for _ in 0..<Self.maximumAttempts {
            let tip = try await objects.tip()
            var input = FastImport()
            try await open(&input, tip: tip)
            var isChanged = tip == nil
            var current = [[UInt8]?](repeating: nil, count: staged.count)
            if let tip { current = try await objects.files(staged.map(\.path), at: tip) }
            for (file, known) in zip(staged, current) {
                guard let known else {
                    input.file(file.path, file.content)
                    isChanged = true
                    continue
                }
                let merged = StagingMerge.merge(journal: file.content, branch: known, at: file.path)
                if merged == known { continue }
                input.file(file.path, merged)
                isChanged = true
            }
            input.done()
            guard isChanged else { return }
            let command = FastImport.command(in: gitDirectory)
            let result = try await command.run(input: input.input)
            if result.status == 0 {
                logger.debug("git-annex branch committed", metadata: ["files": "\(staged.count)"])
                return
            }
            // Refused because the branch moved meanwhile: begin again from where it is now.
            if try await objects.tip() == tip { throw command.failure(result) }
        }
        throw AnnexBranchError(code: .contention, message: "the git-annex branch kept moving during a commit")
    }

    /// Begins the commit; a branch that is not there yet is created first (spec 02 §1.1).
    private func open(_ input: inout FastImport, tip: String?) async throws {
        let seconds = Int64(time(nil))
        var parent = tip
        if parent == nil { parent = try await objects.tip(of: "refs/remotes/origin/git-annex") }
        if parent == nil {
            input.commit("branch created", committer: settings.committer, seconds: seconds, parent: nil)
        }
        input.commit(settings.commitMessage, committer: settings.committer, seconds: seconds, parent: parent)
    }

    static var maximumAttempts: Int { 10 }
}
