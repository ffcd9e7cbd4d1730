import ArgumentParser
import Settings
import SystemPackage

/// `annexd config check`: says what is wrong with the settings, without starting.
struct ConfigCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "config", abstract: "Check the settings.", subcommands: [Check.self])

    struct Check: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Say what is wrong with the settings, without starting.",
            discussion: """
                Reads the file and the ANNEXD_… environment variables as `annexd serve` would, and opens what they name: \
                the root folder, certificate and key, certificate authorities, and the file of logins. Run by root it \
                does so as the user to whom the root folder belongs.
                """)

        @OptionGroup var options: RootOptions

        func run() async throws {
            var problems: [String] = []
            do {
                var settings = try options.loadSettings()
                if let owner = settings.server.root.flatMap({ try? RootOwner(of: FilePath($0)) }) {
                    try owner.become()
                    // The server must be able to read the file as well.
                    settings = try options.loadSettings()
                }
                problems = await SettingsCheck(settings: settings).problems()
            } catch let error as SettingsError {
                problems = error.problems.map(\.message)
            }
            let result: JSONValue = [
                "valid": .boolean(problems.isEmpty), "problems": .array(problems.map { .string($0) }),
            ]
            options.output.result(
                result, text: problems.isEmpty ? "the settings are valid" : "the settings are not valid")
            if !problems.isEmpty { throw Failure(problems.joined(separator: "\n")) }
        }
    }
}
