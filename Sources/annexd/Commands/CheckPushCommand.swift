import ArgumentParser
import Glibc
import Hosting
import SystemPackage

/// What the `pre-receive` hook asks before pushed `git-annex` refs move. For the hook alone, so it is not listed.
///
/// Reads `OLD NEW REF` in lines, and prints `REF REASON` for each that must not move. What cannot be judged ends it with
/// another exit status than 0, and the whole push is refused.
struct CheckPushCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check-push", abstract: "Judge pushed git-annex refs.", shouldDisplay: false)

    func run() async throws {
        let environment = ProcessEnvironment.all
        guard let directory = Self.workingDirectory else { throw Failure("the working directory is gone") }
        // Git runs the hook in the git directory, and tells where the objects of the push are until it is accepted.
        var variables: [(String, String)] = []
        for name in ["GIT_OBJECT_DIRECTORY", "GIT_ALTERNATE_OBJECT_DIRECTORIES", "GIT_QUARANTINE_PATH"] {
            if let value = environment[name] { variables.append((name, value)) }
        }
        while let line = readLine() {
            let words = line.split(separator: " ", maxSplits: 2).map(String.init)
            guard words.count == 3 else { throw Failure("\"\(line)\" is no command of a push") }
            let pushed = PushedRef(ref: words[2], old: words[0], new: words[1])
            if let reason = try await pushed.objection(in: directory, environment: variables) {
                print("\(words[2]) \(String(reason.map { $0.isNewline ? " " : $0 }))")
            }
        }
    }

    private static var workingDirectory: FilePath? {
        guard let path = getcwd(nil, 0) else { return nil }
        defer { free(path) }
        return FilePath(platformString: path)
    }
}
