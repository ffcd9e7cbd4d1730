import AnnexProtocol
import ArgumentParser
import Gateways
import Hosting
import Remotes

/// `annexd proxy …`: which remotes a hosted repository proxies to its clients.
struct ProxyCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "proxy",
        abstract: "Let clients reach the remotes of a repository through it.",
        discussion: """
            A remote is proxied when its `remote.NAME.annex-proxy` is true in the repository's git config, and the \
            git-annex branch says so: `annexd proxy update` writes that, as `git annex updateproxy` does. Clients that \
            fetch then have a remote such as origin-NAME. Works with and without a running server, which follows at once.
            """,
        subcommands: [Update.self, List.self])

    struct Update: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Record in the git-annex branch which remotes are proxied.")
        @OptionGroup var options: RootOptions
        @Argument(help: "Names such as team/data.", transform: NameArgument.parsed)
        var names: [NameArgument]

        func run() async throws {
            try await options.withGateways(for: .changing) { gateways in
                try await options.output.each(names.map(\.name)) { name in
                    let update = try await ProxyManager(name, in: gateways).update()
                    for warning in update.warnings { StandardError.print("annexd: \(name): \(warning)") }
                    return (update.json(name), update.lines)
                }
            }
        }
    }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "List the proxied remotes of repositories.")
        @OptionGroup var options: RootOptions
        @Argument(
            help: "Names such as team/data; all repositories without one.", transform: NameArgument.parsed)
        var names: [NameArgument] = []

        func run() async throws {
            try await options.withGateways { gateways in
                let catalog = gateways.catalog
                let manager = RepositoryManager(root: catalog.root, services: catalog.services)
                let chosen =
                    try names.isEmpty ? manager.list().filter { $0.uuid != nil }.map(\.name) : names.map(\.name)
                var rows: [Output.Entry] = []
                for name in chosen {
                    let statuses = try await options.proxies(of: name, in: gateways)
                    rows += statuses.map { ($0.json(in: name), "\(name): \($0.text)") }
                }
                options.output.list(rows)
            }
        }
    }
}

extension RootOptions {
    /// The proxied remotes of a repository: how each is, and what a running server does with it.
    func proxies(of name: RepositoryName, in gateways: Gateways) async throws -> [ProxyStatus] {
        var statuses = try await ProxyManager(name, in: gateways).list(asking: true)
        if statuses.isEmpty { return [] }
        let answer = try ControlClient.ask(root: gateways.catalog.root, "proxies.usage", ["path": .string("\(name)")])
        for index in statuses.indices {
            statuses[index].usage = answer?[statuses[index].name].flatMap { RemoteConnections.Usage(json: $0) }
        }
        return statuses
    }
}

extension ProxyManager.Update {
    fileprivate func json(_ name: RepositoryName) -> JSONValue {
        [
            "path": .string("\(name)"), "started": .array(started.map { .string($0.name) }),
            "stopped": .array(stopped.map { .string($0.name) }), "warnings": .array(warnings.map { .string($0) }),
        ]
    }

    /// In the words of `git annex updateproxy`.
    fileprivate var lines: [String] {
        let lines =
            started.map { "Started proxying for \($0.name)" } + stopped.map { "Stopped proxying for \($0.name)" }
        return lines.isEmpty ? ["No proxy changes to record."] : lines
    }
}

extension ProxyStatus {
    /// - Parameter repository: the one that proxies the remote.
    func json(in repository: RepositoryName) -> JSONValue {
        var fields: [String: JSONValue] = [
            "path": .string("\(repository)"), "name": .string(name), "uuid": uuid.map { .string("\($0)") } ?? .null,
            "state": .string(state.rawValue),
            "address": address.map { .string($0) } ?? .null,
        ]
        switch health {
        case nil: fields["reachable"] = .null
        case .reachable?: fields["reachable"] = .boolean(true)
        case .unreachable(let reason)?:
            fields["reachable"] = .boolean(false)
            fields["reason"] = .string(reason)
        }
        fields["connections"] = usage?.json ?? .null
        return .object(fields)
    }

    var text: String {
        let identity = uuid.map { "\($0)" } ?? "(no UUID)"
        let parts = [
            "\(name) \(identity)", address, state == .proxied ? nil : state.rawValue, healthText,
            usageText,
        ]
        return parts.compactMap { $0 }.joined(separator: ", ")
    }

    private var healthText: String? {
        switch health {
        case nil: nil
        case .reachable?: "reachable"
        case .unreachable(let reason)?: "not reachable: \(reason)"
        }
    }

    private var usageText: String? {
        usage.map { "\($0.open) connections open, \($0.inUse) requests running, \($0.waiting) waiting" }
    }
}
