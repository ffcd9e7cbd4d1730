import AnnexProtocol
import FileIO
import Logging
import SystemPackage

/// Two notes in the git directory tell how far the branch is known to say the truth about this repository.
///
/// `annexd/unverified` is there while a push may change the branch, and after a crash in one: from this commit on
/// nobody has compared it. It is written before any ref moves.
///
/// `annexd/verified` names the last commit that was compared, or that this host made on top of it. Where the branch is
/// elsewhere, and no push is under way, something has moved it behind our back: the stock program merged what was
/// pushed, or somebody rewound it with `git update-ref`. What it gained or lost with that is found by comparing the
/// two.
extension AnnexBranch {
    /// From where on the branch has to be compared.
    enum Unverified: Sendable, Hashable {
        case since(commit: String)
        /// There was no branch, or git has that commit no more: all keys are compared.
        case everything
    }

    /// Nil where the branch is known to say the truth.
    func unverified(at tip: String?) async throws -> Unverified? {
        let marker = unverifiedMarker
        guard let content = try await executor.run({ try Files.read(marker, limit: 4096) }) else {
            guard let commit = try await verifiedCommit(), commit != tip else { return nil }
            return try await has(commit) ? .since(commit: commit) : .everything
        }
        guard let commit = Self.commit(in: content), try await has(commit) else { return .everything }
        return .since(commit: commit)
    }

    /// Whether a crash, of this process or an earlier one, cut off a push that might have changed the branch.
    public var hasInterruptedPush: Bool {
        get async throws {
            if activePushes > 0 { return false }
            let marker = unverifiedMarker
            return try await executor.run { try Files.exists(marker) }
        }
    }

    /// Whether a push that nobody finished, because of a crash, or somebody who moved the branch by other means, may
    /// have left something to compare.
    public var hasUnverifiedChanges: Bool {
        get async throws {
            if activePushes > 0 { return false }
            let (marker, note, ref) = (unverifiedMarker, verifiedNote, folder.appending(BranchObjects.branch))
            let (isMarked, verified, tip) = try await executor.run {
                let tip = try Files.read(ref, limit: 4096)
                return (try Files.exists(marker), try Files.read(note, limit: 4096), tip)
            }
            if isMarked { return true }
            guard let verified = verified.flatMap(Self.commit(in:)) else { return false }
            // Mostly the branch is a file with this very commit, and no process has to be asked.
            if let tip = tip.flatMap(Self.commit(in:)), tip == verified { return false }
            return try await objects.tip() != verified
        }
    }

    /// Takes note of where a push finds the branch.
    func noteUnverified() async throws {
        let tip = try await objects.tip()
        let start = try await verifiedCommit() ?? tip
        // Another push may have begun earlier; then the comparison starts from there.
        try await writeMarker(start, isReplacing: false)
    }

    /// Takes note that the branch says the truth as it is in this commit.
    func noteVerified(_ tip: String?) async throws {
        try await writeNote(tip)
        // Nobody else's push may have begun earlier than the part that was compared.
        if activePushes > 0 { return try await writeMarker(tip, isReplacing: true) }
        let marker = unverifiedMarker
        try await executor.run {
            if try Files.unlink(marker) { try Files.synchronizeDirectory(marker.removingLastComponent()) }
        }
    }

    /// Takes note of a commit that this host made itself: as true as the one before. Called with the journal locked.
    ///
    /// Without the note, more is compared later.
    func noteOwnCommit(onto parent: String?) async {
        do {
            let verified = try await verifiedCommit()
            if verified == nil || verified == parent { try await writeNote(objects.tip()) }
        } catch {
            logger.debug("how far the branch is verified was not noted", metadata: ["error": "\(error)"])
        }
    }

    /// A fresh repository's branch makes room for that of its first client: it is lost on purpose.
    func forgetVerified() async throws {
        let note = verifiedNote
        _ = try await executor.run { try Files.unlink(note) }
    }

    private func verifiedCommit() async throws -> String? {
        let note = verifiedNote
        return try await executor.run { try Files.read(note, limit: 4096) }.flatMap(Self.commit(in:))
    }

    private func has(_ commit: String) async throws -> Bool { try await objects.tip(of: commit) == commit }

    /// The commit in a note. A power cut may leave anything in one that was not synchronized.
    private static func commit(in content: [UInt8]) -> String? {
        let id = content.prefix { $0 != 10 }
        guard id.count == 40 || id.count == 64, id.allSatisfy({ (48...57).contains($0) || (97...102).contains($0) })
        else { return nil }
        return String(decoding: id, as: UTF8.self)
    }

    /// - Parameter isReplacing: whether one that is there already makes way; else it stays.
    private func writeMarker(_ commit: String?, isReplacing: Bool) async throws {
        let (marker, directory, mode) = (unverifiedMarker, journal.temporary, settings.sharing.file(0o644))
        let (text, sharing) = ((commit ?? Self.noCommit) + "\n", settings.sharing)
        try await executor.run {
            if !isReplacing, try Files.exists(marker) { return }
            try createDirectory(directory, sharing: sharing)
            if isReplacing {
                try Files.replace(marker, with: text.utf8, in: directory, mode: mode)
            } else {
                // Pushes that begin at the same time write it without a lock: the first one stays.
                _ = try Files.create(marker, with: text.utf8, in: directory, mode: mode)
            }
        }
    }

    /// Not synchronized, as every commit writes it: after a power cut an older one only means more to compare.
    private func writeNote(_ commit: String?) async throws {
        let (note, directory, sharing) = (verifiedNote, journal.temporary, settings.sharing)
        // Pushes that end at the same time write it without a lock.
        let temporary = directory.appending(FreshName.make("verified"))
        try await executor.run {
            guard let commit else {
                try Files.unlink(note)
                return
            }
            try createDirectory(directory, sharing: sharing)
            do {
                let file = try OpenFile(temporary, [.writeOnly, .create, .exclusive], mode: sharing.file(0o644))
                try file.write(Array("\(commit)\n".utf8), at: 0)
                try Files.rename(temporary, to: note)
            } catch {
                _ = try? Files.unlink(temporary)
                throw error
            }
        }
    }

    private var unverifiedMarker: ConfinedPath { folder.appending("annexd/unverified") }
    private var verifiedNote: ConfinedPath { folder.appending("annexd/verified") }

    /// Stands for no branch; no object has this name.
    private static var noCommit: String { "none" }
}
