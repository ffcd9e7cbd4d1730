import ArgumentParser
import Settings

/// `annexd serve`: runs the host.
struct ServeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "serve",
        abstract: "Serve the repositories of a root folder.",
        discussion: """
            Settings come from the defaults, then the --config file, then ANNEXD_… environment variables, then these \
            options. With --ready-json, one line of JSON on standard output tells when connections are accepted.
            """)

    @Option(name: .long, help: "The folder that holds the repositories; it is made if missing.")
    var root: String?

    @Option(
        name: .long, help: "An address: 127.0.0.1:9417, [::]:9417, unix:/path; port 0 takes a free one. Repeatable.")
    var listen: [String] = []

    @Option(name: .long, help: "A TOML file with settings.")
    var config: String?

    @Option(name: .long, help: "What people without a login may do: none, read, append or write.")
    var anonymous: String?

    @Option(name: .long, help: "The URL that clients use, where a proxy in front changes it.")
    var publicURL: String?

    @Flag(name: .long, help: "Print a line of JSON when ready.")
    var readyJSON = false

    @Flag(name: .long, help: "Use a fresh root folder and remove it at the end.")
    var ephemeral = false

    func run() async throws {
        if ephemeral && root != nil { throw ValidationError("--ephemeral makes its own root: leave --root away.") }
        let (file, overrides) = (config, overrides)
        let load: @Sendable () throws -> Settings = {
            try Settings.load(file: file, environment: ProcessEnvironment.all, overrides: overrides)
        }
        let settings: Settings
        do {
            settings = try load()
        } catch {
            throw Failure("\(error)")
        }
        let host = try Host(settings: settings, load: load, isEphemeral: ephemeral)
        try await host.run { urls in
            if readyJSON {
                let line: JSONValue = [
                    "ready": .boolean(true), "urls": .array(urls.map { .string($0) }),
                    "pid": .number(Int64(ProcessEnvironment.processIdentifier)),
                ]
                StandardOutput.print(line.text)
            } else {
                for url in urls { StandardError.print("annexd: serving \(host.rootDescription) at \(url)") }
            }
        }
    }

    private var overrides: [SettingOverride] {
        [
            ("server.root", "--root", root.map { [$0] }), ("server.listen", "--listen", listen.isEmpty ? nil : listen),
            ("server.anonymous", "--anonymous", anonymous.map { [$0] }),
            ("server.public_url", "--public-url", publicURL.map { [$0] }),
        ].compactMap { key, option, values in values.map { SettingOverride(key: key, option: option, values: $0) } }
    }
}
