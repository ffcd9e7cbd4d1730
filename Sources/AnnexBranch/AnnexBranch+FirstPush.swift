import AnnexProtocol
import FileIO
import GitHost
import Logging
public import SystemPackage

/// A fresh repository has a git-annex branch of its own (its uuid.log), unrelated to the one of its first client, whose
/// plain `git push` would be refused as not fast-forward. So until the first push the server's branch is hidden, and
/// moves back into the journal just before it; afterwards it is committed on top of the client's.
extension AnnexBranch {
    /// Declares that no client has pushed a git-annex branch yet. Called when the repository is created.
    public func markUnpushed() async throws {
        let (marker, sharing) = (marker, settings.sharing)
        try await executor.run {
            let directory = marker.removingLastComponent()
            try createDirectory(directory, sharing: sharing)
            try OpenFile(marker, [.writeOnly, .create], mode: 0o666).synchronize()
            try Files.synchronizeDirectory(directory)
        }
    }

    /// Whether no client has pushed a git-annex branch yet: then the branch is to be hidden from pushes.
    public var isUnpushed: Bool {
        get async throws {
            let marker = marker
            return try await executor.run { try Files.exists(marker) }
        }
    }

    /// Whether the branch, if there is one, holds uuid.log and nothing else. The journal is not looked at.
    public var hasOnlyDescriptions: Bool {
        get async throws {
            guard let tip = try await objects.tip() else { return true }
            guard case .object(_, _, let tree)? = try await objects.reader.read([Array("\(tip)^{tree}".utf8)]).first
            else { return false }
            var reader = RawTree(tree, idLength: tip.utf8.count / 2)
            while let entry = reader.next() {
                guard entry.name.elementsEqual(BranchPath.uuidLog.bytes) else { return false }
            }
            return reader.isAtEnd
        }
    }

    /// Whether the branch exists as a ref, whoever made it.
    public var exists: Bool {
        get async throws { try await objects.tip() != nil }
    }

    /// Makes room for a push that creates `refs/heads/git-annex`: everything in the branch moves into the journal, and
    /// the ref goes away. Does nothing once a first push was received.
    ///
    /// Commits are then held back until ``didReceiveFirstPush()``, ``firstPushFailed()`` or ``mergePushed()``, or for
    /// `firstPushPatience`. A crash at any point leaves everything in the branch, in the journal, or in both.
    public func prepareForFirstPush() async throws {
        if settings.isReadOnly { return }
        try await uninterrupted { [self] in
            try await transaction { branch in
                guard try await branch.isUnpushed else { return }
                for _ in 0..<Self.maximumAttempts {
                    guard let tip = try await branch.objects.tip() else { break }
                    try await branch.moveToJournal(tip)
                    if try await branch.objects.updateBranch(from: tip, to: nil) { break }
                }
                guard try await branch.objects.tip() == nil else {
                    throw AnnexBranchError(code: .contention, message: "the git-annex branch kept moving")
                }
                try await branch.forgetVerified()
                branch.schedule.hold(until: .now + branch.settings.firstPushPatience)
            }
        }
    }

    /// Ends the fresh state: a client's git-annex branch has arrived. The server's own facts are committed onto it.
    public func didReceiveFirstPush() async throws {
        let marker = marker
        // Also where the marker stays: it only hides the branch from the next pusher.
        schedule.endHold()
        try await executor.run {
            guard try Files.unlink(marker) else { return }
            try Files.synchronizeDirectory(marker.removingLastComponent())
        }
        try await flush()
    }

    /// The push brought no git-annex branch: the server's own is made again.
    public func firstPushFailed() async throws {
        schedule.endHold()
        try await flush()
    }

    private var marker: ConfinedPath { Self.marker(gitDirectory) }

    private static func marker(_ gitDirectory: FilePath) -> ConfinedPath {
        ConfinedPath(gitDirectory).appending("annexd/unpushed")
    }

    /// The same as ``isUnpushed``, of a repository that need not be open. Blocking.
    public static func isMarkedUnpushed(in gitDirectory: FilePath) throws -> Bool {
        try Files.exists(marker(gitDirectory))
    }

    private func moveToJournal(_ tip: String) async throws {
        var rest = try await pathsToKeep(tip)[...]
        let journal = journal
        var changes: [Journal.Change] = []
        var bytes = 0
        while !rest.isEmpty {
            let part = Array(rest.prefix(BranchObjects.filesAtOnce))
            rest = rest.dropFirst(part.count)
            let waiting = try await executor.run { try part.map { try journal.read($0) } }
            for (index, content) in try await objects.files(part, at: tip).enumerated() {
                guard let content else { continue }
                let path = part[index]
                guard JournalName.fits(path) else {
                    throw AnnexBranchError(
                        code: .nameTooLong, message: "no journal file for \"\(path)\": name too long")
                }
                let merged =
                    waiting[index].map { StagingMerge.merge(journal: $0, branch: content, at: path) } ?? content
                if merged == waiting[index] { continue }
                changes.append(Journal.Change(path: path, content: merged))
                bytes += merged.count
            }
            guard rest.isEmpty || changes.count >= settings.maximumPending || bytes >= TreeMerge.partBytes else {
                continue
            }
            let made = changes
            (changes, bytes) = ([], 0)
            try await executor.run { try journal.write(made) }
            noteChanges(made.count)
        }
    }

    /// Every file of the branch; only those that `synced/git-annex` has not, when that was merged before: it stays, and
    /// is merged again.
    private func pathsToKeep(_ tip: String) async throws -> [BranchPath] {
        var base: String?
        if let synced = try await objects.tip(of: "refs/heads/synced/git-annex"),
            try await objects.isAncestor(synced, of: tip)
        {
            base = synced
        }
        let paths = PathList()
        try await TreeChanges(old: base, new: tip, objects: objects).forEachPart { part in
            // What only `synced/git-annex` has was left out of the branch, for it was strange.
            for entry in part where !entry.isRemoved { try await paths.add(entry.name) }
            return true
        }
        return await paths.all
    }

    private actor PathList {
        private(set) var all: [BranchPath] = []

        func add(_ name: [UInt8]) throws {
            guard let path = BranchPath(name), !name.contains(10) else {
                let text = String(decoding: name, as: UTF8.self)
                throw AnnexBranchError(code: .unexpectedContent, message: "strange path \"\(text)\" in the branch")
            }
            all.append(path)
        }
    }
}
