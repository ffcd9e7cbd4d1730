import SystemPackage
import Testing

@testable import GitHost

private let zero = String(repeating: "0", count: 40)
private let one = String(repeating: "1", count: 40)
private let two = String(repeating: "2", count: 40)

/// What is done to a ref; each is tried with both rights.
private enum Change: CaseIterable {
    case create, update, delete

    func command(_ ref: String) -> ReceivePackRequest.Command {
        .init(old: self == .create ? zero : one, new: self == .delete ? zero : two, ref: Array(ref.utf8))
    }
}

@Suite struct RefPolicyTests {
    private static let refused: [(String, String)] =
        [
            "refs/tags/git-annex", "refs/remotes/git-annex", "refs/heads/x/git-annex",
            "refs/heads/synced/x/git-annex", "refs/synced/git-annex", "refs/git-annex", "git-annex",
            "refs/notes/git-annex", "refs/heads/git-annex/x", "refs/heads/git-annex/git-annex",
            "refs/heads/synced/git-annex/x", "refs/heads/synced",
        ].map { ($0, RefPolicy.otherRef) } + ["refs/annexd", "refs/annexd/detached"].map { ($0, RefPolicy.hostsOwn) }
        + ["refs/remotes/origin/git-annex", "refs/remotes/origin/synced/git-annex"].map { ($0, RefPolicy.trackingRef) }
        + ["refs/annex/last-index", "refs/annex/x/y"].map { ($0, RefPolicy.clonesOwn) }
        // Attack: refs that mean something to git itself. With refs/replace, what the next stock git-annex commits on
        // the host has none of the locations that the branch had.
        + [
            "refs/replace/\(one)", "refs/original/refs/heads/main", "refs/bisect/bad", "refs/rewritten/x",
            "refs/worktree/x", "refs/stash", "refs/prefetch/remotes/origin/main", "refs/annex",
            "refs/namespaces/a", "refs/heads", "refs/heads/", "refs/tags/", "refs/headsx/a", "HEAD", "refs/", "refs/x",
            "",
        ].map { ($0, RefPolicy.unknownRef) }

    @Test("spec 02 #43, and refs that only git or the host make: refused to everybody", arguments: refused)
    func refuses(ref: String, reason: String) {
        for change in Change.allCases {
            for mayRewrite in [true, false] {
                #expect(RefPolicy(mayRewrite: mayRewrite).verdict(on: change.command(ref)) == .refuse(reason))
            }
        }
    }

    @Test(
        "who may write may do everything with ordinary refs; who may add, what takes nothing away",
        arguments: [
            ("refs/heads/main", true), ("refs/heads/synced/main", true), ("refs/heads/git-annex2", true),
            ("refs/heads/my-git-annex", true), ("refs/notes/commits", true), ("refs/remotes/origin/main", true),
            ("refs/synced/u-u-i-d/Z2l0/refs/heads/main", true), ("refs/tags/v1", false), ("refs/pull/1/head", false),
            ("refs/merge-requests/1/head", false), ("refs/changes/01/1/1", false),
        ])
    func ordinary(ref: String, grows: Bool) {
        for change in Change.allCases {
            #expect(RefPolicy(mayRewrite: true).verdict(on: change.command(ref)) == .accept)
        }
        let adds = RefPolicy(mayRewrite: false)
        #expect(adds.verdict(on: Change.create.command(ref)) == .accept)
        #expect(
            adds.verdict(on: Change.update.command(ref)) == (grows ? .ask : .refuse(RefPolicy.changeTakesWrite)))
        #expect(adds.verdict(on: Change.delete.command(ref)) == .refuse(RefPolicy.deletionTakesWrite))
    }

    @Test("git-annex branches are always looked into; the branch itself cannot be deleted, by nobody")
    func annexBranches() {
        for mayRewrite in [true, false] {
            let policy = RefPolicy(mayRewrite: mayRewrite)
            for ref in ["refs/heads/git-annex", "refs/heads/synced/git-annex", "refs/synced/u/x/git-annex"] {
                #expect(policy.verdict(on: Change.create.command(ref)) == .ask)
                #expect(policy.verdict(on: Change.update.command(ref)) == .ask)
            }
            #expect(policy.verdict(on: Change.delete.command("refs/heads/git-annex")) == .refuse(RefPolicy.deletion))
            #expect(
                policy.verdict(on: Change.delete.command("refs/heads/synced/git-annex"))
                    == (mayRewrite ? .accept : .refuse(RefPolicy.deletionTakesWrite)))
        }
    }

    @Test("a symbolic ref is judged by what it points to as well")
    func symbolic() {
        let policy = RefPolicy(mayRewrite: true)
        let command = Change.update.command("refs/heads/alias")
        func verdict(_ target: String?) -> RefPolicy.Verdict {
            policy.verdict(on: command, pointingTo: target.map { Array($0.utf8) })
        }
        #expect(verdict(nil) == .accept)
        #expect(verdict("refs/heads/main") == .ask)
        #expect(verdict("refs/heads/git-annex") == .refuse(RefPolicy.alias))
        #expect(verdict("refs/heads/synced/git-annex") == .refuse(RefPolicy.alias))
        #expect(verdict("refs/annexd/x") == .refuse(RefPolicy.hostsOwn))
        #expect(verdict("refs/replace/\(one)") == .refuse(RefPolicy.unknownRef))
    }

    /// The decision is made twice, in two languages: they must not differ.
    @Test("the hook's table says of every ref what the policy says", arguments: [true, false])
    func hookAgrees(mayRewrite: Bool) async throws {
        let refs =
            Self.refused.map(\.0) + [
                "refs/heads/main", "refs/heads/a/b", "refs/heads/synced/main", "refs/heads/git-annex", "refs/tags/v1",
                "refs/heads/synced/git-annex", "refs/synced/u/git-annex", "refs/synced/u/x/git-annex",
                "refs/synced/u/main",
                "refs/notes/commits", "refs/remotes/a/b", "refs/pull/1/head", "refs/changes/1", "refs/merge-requests/1",
                "refs/heads/?*", "refs/heads/[a]", "refs/heads/a b", "refs/heads/git-annexé",
            ]
        let policy = RefPolicy(mayRewrite: mayRewrite)
        for change in Change.allCases {
            for ref in refs {
                let command = change.command(ref)
                let script = """
                    refuse() { printf 'refuse %s' "$1"; exit; }
                    absent() { case $1 in *[!0]*) return 1 ;; esac; }
                    forward() { absent "$old" || { printf ask; exit; }; }
                    check() { printf ask; exit; }
                    \(HookText.judgement)
                    old=$1 new=$2 name=$3
                    judge "$3"
                    printf accept
                    """
                let said = try await shell(
                    script, [command.old, command.new, ref],
                    [HookText.rewriteVariable: mayRewrite ? "yes" : "no"])
                let expected =
                    switch policy.verdict(on: command) {
                    case .accept: "accept"
                    case .ask: "ask"
                    case .refuse(let reason): "refuse \(reason)"
                    }
                #expect(said == expected, "\(change) \(ref)")
            }
        }
    }

    /// Runs a script with `sh`, as an alias of git.
    private func shell(
        _ script: String, _ arguments: [String], _ environment: [String: String]
    ) async throws -> String {
        var command = GitCommand(["judge"], in: "/tmp").setting("alias.judge", "!f() {\n\(script)\n}; f")
        for argument in arguments { command = command.argument(Array(argument.utf8)) }
        for (name, value) in environment { command = command.environment(name, value) }
        return try await command.output().text
    }
}
