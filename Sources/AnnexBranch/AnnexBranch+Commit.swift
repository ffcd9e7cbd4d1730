import AnnexProtocol
import GitHost
import Glibc
import Logging

extension AnnexBranch {
    /// Commits everything in the journal, also what the stock program left there. Returns when the branch has it.
    ///
    /// While a first push is being received nothing is committed; what waits stays durable in the journal. So it does
    /// where others alone change the branch.
    public func flush() async throws {
        if settings.isReadOnly { return }
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
            let part = rest.prefix(settings.maximumPending)
            let stage = try await executor.run { try journal.stage(part, bytes: TreeMerge.partBytes) }
            rest = rest.dropFirst(stage.count)
            for (name, reason) in stage.leftOut { noteLeftOut(name, reason) }
            var staged = stage.files[...]
            while !staged.isEmpty {
                let done = try await commit(staged)
                staged = staged.dropFirst(done.count)
                for (name, reason) in done.leftOut { noteLeftOut(name, reason) }
                try await executor.run { try journal.remove(done.files) }
            }
        }
        schedule.committed()
    }

    /// One file must never keep the others from being committed: it stays in the journal.
    private func noteLeftOut(_ name: [UInt8], _ reason: String) {
        logger.warning(
            "a file in the journal cannot be committed",
            metadata: ["name": "\(String(decoding: name, as: UTF8.self))", "reason": "\(reason)"])
    }

    /// Commits files: the first of them, as many as fit into memory together with what the branch has of them.
    private func commit(_ staged: ArraySlice<Journal.Staged>) async throws -> Journal.Stage {
        for _ in 0..<Self.maximumAttempts {
            let tip = try await objects.tip()
            var input = FastImport()
            try await open(&input, tip: tip)
            var isChanged = tip == nil
            var done = Journal.Stage()
            while done.count < staged.count, input.input.count < TreeMerge.partBytes {
                let part = staged.dropFirst(done.count).prefix(BranchObjects.filesAtOnce)
                done.count += part.count
                for (file, content) in zip(part, try await merged(part, tip: tip)) {
                    switch content {
                    case .success(let content):
                        done.files.append(file)
                        guard let content else { continue }
                        input.file(file.path, content)
                        isChanged = true
                    case .failure(let error): done.leftOut.append((file.name, "\(error)"))
                    }
                }
            }
            input.done()
            guard isChanged else { return done }
            let command = FastImport.command(in: gitDirectory, compressed: !input.isLittle)
            let result = try await command.run(input: input.input)
            if result.status == 0 {
                await noteOwnCommit(onto: tip)
                logger.debug("git-annex branch committed", metadata: ["files": "\(done.files.count)"])
                return done
            }
            // Refused because the branch moved meanwhile: begin again from where it is now.
            if try await objects.tip() == tip { throw command.failure(result) }
        }
        throw AnnexBranchError(code: .contention, message: "the git-annex branch kept moving during a commit")
    }

    /// What the branch has to hold of each file; nil where it holds that already.
    private func merged(
        _ files: ArraySlice<Journal.Staged>, tip: String?
    ) async throws -> [Result<[UInt8]?, any Error>] {
        guard let tip else { return files.map { .success($0.content) } }
        let limit = settings.maximumFileSize
        return zip(files, try await objects.versions(files.map(\.path), at: tip)).map { file, version in
            Result {
                guard let known = try version.get() else { return file.content }
                let merged = StagingMerge.merge(journal: file.content, branch: known, at: file.path)
                if merged.count > limit { throw AnnexBranchError.tooLarge(file.path, merged.count) }
                return merged == known ? nil : merged
            }
        }
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
