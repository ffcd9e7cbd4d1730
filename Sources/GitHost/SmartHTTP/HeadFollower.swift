public import SystemPackage

/// Lets HEAD of a bare repository follow what people push: it points to a branch that they work on, where there is one.
///
/// For bare repositories: elsewhere the work tree would not follow.
public enum HeadFollower {
    /// Points HEAD to the best branch after a push, where its own branch does not exist, or is one that git-annex
    /// derived from another. Answers the branch HEAD was pointed to, or nil when it was left alone.
    ///
    /// Costs no process when no branch that HEAD could point to was pushed or deleted.
    @discardableResult
    public static func follow(
        _ commands: [ReceivePackRequest.Command], in gitDirectory: FilePath
    ) async throws -> [UInt8]? {
        guard commands.contains(where: { BranchKind($0.ref) != .internal }) else { return nil }
        // A detached HEAD is somebody's own doing; where its commit is missing, it is damage.
        guard let current = try await branch(in: gitDirectory) else { return nil }
        let isBorn = try await GitObjects(gitDirectory).resolve("HEAD") != nil
        if isBorn, BranchKind(current) == .ordinary { return nil }
        let existing = try await branches(in: gitDirectory)
        let pushed = commands.filter { !$0.isDeletion }.map(\.ref).filter(Set(existing).contains)
        guard let best = best(of: existing, preferring: pushed, current: current), best != current else { return nil }
        if isBorn, BranchKind(best) != .ordinary { return nil }
        try await point(to: best, in: gitDirectory)
        return best
    }

    /// Points HEAD to a branch. The full name of a ref below `refs/heads/`.
    public static func point(to branch: [UInt8], in gitDirectory: FilePath) async throws {
        _ = try await GitCommand(["symbolic-ref", "HEAD"], in: gitDirectory).argument(branch).output()
    }

    /// What becomes of HEAD in a push that deletes its branch.
    public struct Succession: Sendable, Hashable {
        public var current: [UInt8]
        /// The branch that takes its place; nil where there is none, and git refuses the deletion.
        public var next: [UInt8]?

        /// A sentence for the person who pushes.
        public var notice: String {
            let name = BranchKind.name(of: current)
            guard let next else {
                return
                    "\(name) is the default branch, and there is no other that could take its place; push one first, "
                    + "or have it chosen with annexd repo set REPO default-branch=NAME"
            }
            return "\(BranchKind.name(of: next)) becomes the default branch instead of \(name)"
        }
    }

    /// What a push means for HEAD, before it; nil where it does not delete HEAD's branch.
    public static func succession(
        _ commands: [ReceivePackRequest.Command], in gitDirectory: FilePath
    ) async throws -> Succession? {
        let deleted = Set(commands.filter(\.isDeletion).map(\.ref))
        guard deleted.contains(where: { BranchKind($0) != .internal }),
            let current = try await branch(in: gitDirectory), deleted.contains(current)
        else { return nil }
        let pushed = commands.filter { !$0.isDeletion }.map(\.ref)
        let rest = try await branches(in: gitDirectory).filter { !deleted.contains($0) }
        let next = best(of: rest + pushed, preferring: pushed, current: current)
        return Succession(current: current, next: next.flatMap { BranchKind($0) == .ordinary ? $0 : nil })
    }

    /// The branch that HEAD names, whether it exists or not; nil where HEAD is detached.
    private static func branch(in gitDirectory: FilePath) async throws -> [UInt8]? {
        let result = try await GitCommand(["symbolic-ref", "-q", "HEAD"], in: gitDirectory).run()
        return result.status == 0 ? Array(result.output.prefix { $0 != 10 }) : nil
    }

    /// The branches that HEAD may point to, as full names of refs.
    public static func branches(in gitDirectory: FilePath) async throws -> [[UInt8]] {
        try await GitObjects(gitDirectory).refs(matching: ["refs/heads/"]).map(\.name)
            .filter { BranchKind($0) != .internal }
    }

    /// Whether git would take a text for the name of a branch.
    public static func isBranchName(_ name: String, in gitDirectory: FilePath) async throws -> Bool {
        guard !name.hasPrefix("-"), !name.utf8.contains(0) else { return false }
        return try await GitCommand(["check-ref-format", "refs/heads/\(name)"], in: gitDirectory).run().status == 0
    }

    /// The branch for HEAD: one that people work on rather than one derived from it, one that was just pushed rather
    /// than another, and one with a usual name rather than the first.
    static func best(of all: [[UInt8]], preferring pushed: [[UInt8]], current: [UInt8]) -> [UInt8]? {
        let ordinary = all.filter { BranchKind($0) == .ordinary }
        let isOrdinary = Set(ordinary)
        // Whoever pushes adjusted/master(unlocked) works on master.
        if let origin = (pushed + [current]).lazy.compactMap(BranchKind.origin).first(where: isOrdinary.contains) {
            return origin
        }
        let usual = ["main", "master"].map { Array("refs/heads/\($0)".utf8) }
        for group in [pushed.filter(isOrdinary.contains), ordinary] {
            if let found = usual.first(where: group.contains) ?? group.first { return found }
        }
        return (pushed + all).first { BranchKind($0) == .derived }
    }
}

/// What a ref is to people who look for a branch to work on.
enum BranchKind: Equatable {
    case ordinary
    /// Git-annex made it from another branch: `adjusted/`, `views/`, `annex/direct/`.
    case derived
    /// Git-annex's own, or no branch at all.
    case `internal`

    init(_ ref: [UInt8]) {
        guard ref.starts(with: Self.heads), ref.count > Self.heads.count else {
            self = .internal
            return
        }
        let name = ref.dropFirst(Self.heads.count)
        if name.elementsEqual("git-annex".utf8) || name.starts(with: "synced/".utf8) {
            self = .internal
        } else {
            let isDerived = ["adjusted/", "views/", "annex/direct/"].contains { name.starts(with: $0.utf8) }
            self = isDerived ? .derived : .ordinary
        }
    }

    /// The branch that another was derived from, as far as its name tells: `master` of `adjusted/master(unlocked)`.
    static func origin(_ ref: [UInt8]) -> [UInt8]? {
        for prefix in ["refs/heads/adjusted/", "refs/heads/annex/direct/"] where ref.starts(with: prefix.utf8) {
            var name = ref.dropFirst(prefix.utf8.count)
            if prefix.hasSuffix("adjusted/") {
                guard let end = name.lastIndex(of: UInt8(ascii: "(")) else { return nil }
                name = name[..<end]
            }
            return heads + name
        }
        return nil
    }

    /// A branch's name for people; nothing in it changes a terminal.
    static func name(of ref: [UInt8]) -> String {
        let text = String(decoding: ref.starts(with: heads) ? ref.dropFirst(heads.count) : ref[...], as: UTF8.self)
        return String(
            String.UnicodeScalarView(text.unicodeScalars.map { $0.properties.generalCategory == .control ? "?" : $0 }))
    }

    private static let heads = Array("refs/heads/".utf8)
}
