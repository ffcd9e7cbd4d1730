import ArgumentParser
import Glibc

/// `annexd`: the command line.
@main
struct Annexd: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "annexd",
        abstract: "Hosts many git-annex repositories on one HTTP port.",
        discussion: """
            Results go to standard output, everything else to standard error. Exit status: 0 success, 1 the operation \
            failed, 64 the command line was wrong.
            """,
        version: Version.current,
        subcommands: [
            ServeCommand.self, RepoCommand.self, ProxyCommand.self, LocksCommand.self, DoctorCommand.self,
            ConfigCommand.self, CheckPushCommand.self,
        ])

    static func main() async {
        StandardDescriptors.fill()
        // A peer or a child that goes away must be an error of one write, never the end of the process.
        signal(SIGPIPE, SIG_IGN)
        do {
            var command = try parseAsRoot()
            if var asynchronous = command as? any AsyncParsableCommand {
                try await asynchronous.run()
            } else {
                try command.run()
            }
            if let problem = StandardOutput.problem { throw Failure(problem) }
        } catch let failure as Failure {
            StandardError.print("annexd: \(failure.message)")
            Glibc.exit(1)
        } catch {
            exit(withError: error)
        }
    }
}

/// An operation that failed, in words for whoever typed the command.
struct Failure: Error {
    var message: String

    init(_ message: String) { self.message = message }
}
