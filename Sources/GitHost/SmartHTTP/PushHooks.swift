import FileIO
import Glibc
public import SystemPackage

/// What stands between a push and the refs: the policy's decision on the parsed commands, and the hooks that repeat it inside
/// git. Git receives nothing without.
public struct PushHooks: Sendable {
    /// Where git finds the hooks.
    let folder: FilePath
    /// What they are told.
    let environment: [(String, [UInt8])]
    /// The folder that is this push's alone; nil where it needs none.
    private let own: FilePath?

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
    ///   - workshop: where a push may have a folder of its own, which a crash leaves to be cleared away.
    ///   - program: judges what `git-annex` refs hold; called with `check-push`, it gets `OLD NEW REF` in lines and prints
    ///     `REF REASON` for each that must not move.
    /// - Throws: `FileError` where there can be no hooks, or ``TooManyRefused``.
    public init(
        _ directory: FilePath, for commands: [ReceivePackRequest.Command], of policy: RefPolicy,
        in gitDirectory: FilePath, workshop: FilePath, program: String
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
            set = .judging
        }
        var environment = [
            (HookText.checkVariable, Array(program.utf8)), (HookText.refusedVariable, refused),
            (HookText.rewriteVariable, Array((policy.mayRewrite ? "yes" : "no").utf8)),
        ]
        let hooks = set.folder(in: directory).absolute
        if set == .judging {
            // Its `update` goes away where nothing is refused: git then starts no process for each ref.
            let own = workshop.absolute.appending(FreshName.make("push"))
            try Files.createDirectories(own, mode: 0o700)
            for (name, _) in set.hooks { try Self.link(hooks.appending(name), from: own.appending(name)) }
            environment.append((HookText.folderVariable, own.bytes))
            (folder, self.own) = (own, own)
        } else {
            (folder, own) = (hooks, nil)
        }
        self.environment = environment
    }

    private static func link(_ target: FilePath, from path: FilePath) throws(FileError) {
        let result = target.withPlatformString { target in path.withPlatformString { symlink(target, $0) } }
        if result != 0 { throw FileError(operation: "symlink", path: path, code: Errno(rawValue: errno)) }
    }

    /// Clears away what is left when git has ended. Blocking.
    public func remove() throws(FileError) {
        if let own { try Files.removeTree(own) }
    }
}
