import ArgumentParser
import Settings

/// `annexd config check`: says what is wrong with the settings, without starting.
struct ConfigCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "config", abstract: "Check the settings.", subcommands: [Check.self])

    struct Check: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Say what is wrong with the settings, without starting.",
            discussion: "Reads the file and the ANNEXD_… environment variables as `annexd serve` would.")

        @Option(name: .long, help: "The TOML file with settings.")
        var config: String?

        @Flag(name: .long, help: "Print the result as JSON.")
        var json = false

        func run() async throws {
            var problems: [String] = []
            do {
                _ = try Settings.load(file: config, environment: ProcessEnvironment.all)
            } catch {
                problems = error.problems.map(\.message)
            }
            let result: JSONValue = [
                "valid": .boolean(problems.isEmpty), "problems": .array(problems.map { .string($0) }),
            ]
            Output(json: json).result(
                result, text: problems.isEmpty ? "the settings are valid" : "the settings are not valid")
            if !problems.isEmpty { throw Failure(problems.joined(separator: "\n")) }
        }
    }
}
