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
            failed or found problems, 2 `doctor` could not check everything, 64 the command line was wrong.

            With --json the result is one JSON document: an array for lists, and for commands that take several names \
            an array where several are given and an object for one. Times are RFC 3339 in UTC, sizes are bytes. What \
            went wrong is {"error":"…"} on standard error.
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
            StandardError.report(failure.message)
            Glibc.exit(failure.status)
        } catch let status as ExitCode {
            Glibc.exit(status.rawValue)
        } catch {
            let status = exitCode(for: error)
            if !status.isSuccess, StandardError.isJSON {
                StandardError.report(message(for: error))
                Glibc.exit(status.rawValue)
            }
            exit(withError: error)
        }
    }
}

/// An operation that failed, in words for whoever typed the command.
struct Failure: Error, CustomStringConvertible {
    var message: String
    /// The exit status of the program.
    var status: Int32

    init(_ message: String, status: Int32 = 1) {
        self.message = message
        self.status = status
    }

    var description: String { message }
}
