import AnnexBranch
import AnnexProtocol
import Blocking
import GitHost
import Logging
import ObjectStore

/// What a push means for the git-annex branch of a repository.
extension HostedRepository {
    /// Whether pushers must not see the git-annex branch: nobody has pushed one yet, so a plain first push may come.
    public func hidesBranch() async throws -> Bool { try await branch?.isUnpushed ?? false }

    /// Whether there is nothing to fetch yet: the only ref is the host's own git-annex branch, which says who it is and
    /// no more.
    public var isFresh: Bool {
        get async throws {
            guard let branch, try await branch.isUnpushed, try await branch.hasOnlyDescriptions else { return false }
            return try await GitObjects(gitDirectory).refs(matching: ["refs/heads/", "refs/tags/"], limit: 2).allSatisfy
            { $0.name.elementsEqual(Self.branchRef.utf8) }
        }
    }

    /// Whether anybody has pushed a ref.
    var hasPushedRefs: Bool {
        get async throws {
            if try await !hidesBranch() { return true }
            let refs = try await GitObjects(gitDirectory).refs(limit: 2)
            return refs.contains { !$0.name.elementsEqual(Self.branchRef.utf8) }
        }
    }

    /// Merges what a push brought to the git-annex branch, before the client hears that it succeeded.
    ///
    /// - Parameters:
    ///   - refs: the full names of the refs that it may have moved.
    ///   - commits: what it brought to be merged.
    func concludePush(movedBranch: Bool, refs: [[UInt8]] = [], commits: [PushedCommit] = []) async throws {
        guard let branch else { return }
        let steps: [() async throws -> Void] = [
            { if movedBranch { try await branch.concludeFirstPush() } },
            { try await self.merge(refs, commits, into: branch) },
            // What git has accepted is in the branch, merged or not.
            { try await branch.pushEnded(isPresent: self.holds) },
        ]
        try await Self.each(steps)
    }

    /// Takes every step, whatever becomes of the others; throws the first error at the end.
    private static func each(_ steps: [() async throws -> Void]) async throws {
        var first: (any Error)?
        for step in steps { do { try await step() } catch { first = first ?? error } }
        if let first { throw first }
    }

    /// Merges what a push brought that a crash interrupted, and compares the branch with the object store, also where
    /// it was moved by others than annexd.
    func finishInterruptedPush() async {
        guard let branch else { return }
        do {
            try await Self.each([
                {
                    guard try await branch.hasInterruptedPush else { return }
                    try await Self.each([
                        { try await branch.concludeFirstPush() }, { try await self.merge([], [], into: branch) },
                    ])
                }, { try await branch.verifyOwnLocations(isPresent: self.holds) },
            ])
        } catch {
            services.logger.warning(
                "the git-annex branch could not be compared with the object store",
                metadata: ["repository": "\(name)", "error": "\(error)"])
        }
    }

    /// Whether the object store has a key. Blocking.
    private var holds: @Sendable (Key) throws -> Bool {
        let objects = objects
        return { try objects.find($0) != nil }
    }

    private func merge(_ refs: [[UInt8]], _ commits: [PushedCommit], into branch: AnnexBranch) async throws {
        let report = try await branch.mergePushed(first: refs, commits: commits)
        for refused in report.unmerged {
            services.logger.warning(
                "a pushed git-annex branch was not merged",
                metadata: ["repository": "\(name)", "ref": "\(refused.ref)", "reason": "\(refused.reason)"])
        }
    }
}

extension AnnexBranch {
    /// A push that was to move the branch has ended; it may have been refused.
    fileprivate func concludeFirstPush() async throws {
        guard try await isUnpushed else { return }
        if try await exists { try await didReceiveFirstPush() } else { try await firstPushFailed() }
    }
}
