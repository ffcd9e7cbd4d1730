import FileIO
public import SystemPackage

/// What stands between a push and the refs: the policy's decision on the parsed commands, and the hooks that repeat it
/// inside git. Git receives nothing without.
public struct PushHooks: Sendable {
    /// Where git finds the hooks.
    let folder: FilePath
    /// What they are told.
    let environment: [(String, [UInt8])]

    /// A push of which so much is refused that the hook cannot be told all of it.
    public struct TooManyRefused: Error, Sendable {
        public var ref: [UInt8]
        public var reason: String
    }

    /// How many bytes the names of refused refs may take together; the kernel passes 128 KiB in one variable.
    private static let refusedLimit = 64 << 10

    /// Decides about a push. Blocking: looks after the hooks, and for symbolic refs.
    ///
    /// - Parameters:
    ///   - directory: the one of ``HookDirectory``; what is missing there is written again.
    ///   - program: judges what a `git-annex` ref holds; called with `check-push`, ref, old and new object id.
    /// - Throws: `FileError` where there can be no hooks, or ``TooManyRefused``.
    public init(
        _ directory: FilePath, for commands: [ReceivePackRequest.Command], of policy: RefPolicy,
        in gitDirectory: FilePath, program: String
    ) throws {
        if try !HookDirectory.isInstalled(at: directory) { try HookDirectory.install(at: directory) }
        let targets = SymbolicRefs.targets(of: commands.map(\.ref), in: gitDirectory)
        var refused: [UInt8] = []
        var set = HookDirectory.Set.whole
        for command in commands {
            switch policy.verdict(on: command, pointingTo: targets[command.ref]) {
            case .accept: continue
            case .ask: break
            case .refuse(let reason):
                refused += command.ref + [10]
                guard refused.count <= Self.refusedLimit else {
                    throw TooManyRefused(ref: command.ref, reason: reason)
                }
            }
            set = .each
        }
        folder = set.folder(in: directory)
        environment = [
            (HookText.checkVariable, Array(program.utf8)), (HookText.refusedVariable, refused),
            (HookText.rewriteVariable, Array((policy.mayRewrite ? "yes" : "no").utf8)),
        ]
    }
}
