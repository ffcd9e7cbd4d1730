import ArgumentParser
import Glibc
import Hosting
import SystemPackage

/// What the `update` hook asks before a pushed `git-annex` ref moves. For the hook alone, so it is not listed.
///
/// Exit status 0 lets it move, 1 refuses it with a reason on standard error, which git passes on to the pusher.
struct CheckPushCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check-push", abstract: "Judge a pushed git-annex ref.", shouldDisplay: false)
    @Argument var ref: String
    @Argument var old: String
    @Argument var new: String

    func run() async throws {
        let environment = ProcessEnvironment.all
        guard let directory = Self.workingDirectory else { throw Failure("the working directory is gone") }
        // Git runs the hook in the git directory, and tells where the objects of the push are until it is accepted.
        var variables: [(String, String)] = []
        for name in ["GIT_OBJECT_DIRECTORY", "GIT_ALTERNATE_OBJECT_DIRECTORIES", "GIT_QUARANTINE_PATH"] {
            if let value = environment[name] { variables.append((name, value)) }
        }
        let pushed = PushedRef(ref: ref, old: old, new: new)
        if let reason = try await pushed.objection(in: directory, environment: variables) {
            StandardError.print("annexd: \(ref) is refused: \(reason)")
            throw ExitCode(1)
        }
    }

    private static var workingDirectory: FilePath? {
        guard let path = getcwd(nil, 0) else { return nil }
        defer { free(path) }
        return FilePath(platformString: path)
    }
}
