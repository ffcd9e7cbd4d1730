import ArgumentParser
import Gateways
import GitHost
import Hosting

/// `annexd repo …`: manages the repositories of a root folder, with or without a running server.
struct RepoCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "repo",
        abstract: "Create, list, rename, delete, restore and import repositories.",
        discussion: """
            Works with and without a running server, which notices at once. Run it as the user to whom the root folder \
            belongs, or as root, which then acts as that user: the server must be able to use what is made.
            """,
        subcommands: [
            Create.self, List.self, Show.self, Configure.self, Rename.self, Delete.self, Restore.self, Purge.self,
            Import.self,
        ])
}

extension RepoCommand {
    struct Create: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Create empty repositories that are annexes.")
        @OptionGroup var options: RootOptions
        @Option(name: .long, help: "How git names objects: sha1 or sha256. Default: repositories.object_format.")
        var objectFormat: ObjectFormatArgument?
        @Option(
            name: .long,
            help: "How git-annex lays out the repository: objecthash1, objecthashlower or branchhash1; can be repeated."
        )
        var tune: [TuneArgument] = []
        @Argument(help: "Names such as team/data.", transform: NameArgument.parsed)
        var names: [NameArgument]

        func run() async throws {
            let format = try objectFormat?.format ?? options.objectFormat
            let tuning = Set(tune.map(\.difference))
            try await options.withManager(for: .changing) { manager, root in
                try await options.output.each(names.map(\.name)) { name in
                    let uuid = try await manager.create(name, objectFormat: format, tuning: tuning)
                    let url = options.url(of: name, in: root)
                    let value: JSONValue = [
                        "path": .string("\(name)"), "uuid": .string("\(uuid)"), "url": url.map { .string($0) } ?? .null,
                    ]
                    return (value, ["created \(name) \(uuid)"] + (url.map { ["  \($0)"] } ?? []))
                }
            }
        }
    }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "List the repositories.")
        @OptionGroup var options: RootOptions
        @Flag(name: .long, help: "List deleted repositories that can be restored.")
        var deleted = false

        func run() async throws {
            try await options.withManager { manager, root in
                let output = options.output
                if deleted {
                    let trash = RepositoryTrash(root: root)
                    output.list(try trash.entries().map { try $0.row(size: trash.size(of: $0)) })
                } else {
                    output.list(try manager.list().map { ($0.json(nil), $0.line) })
                }
            }
        }
    }

    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Show what a repository holds.")
        @OptionGroup var options: RootOptions
        @Argument(help: "Names such as team/data.", transform: NameArgument.parsed)
        var names: [NameArgument]

        func run() async throws {
            try await options.withGateways { gateways in
                let catalog = gateways.catalog
                let manager = RepositoryManager(root: catalog.root, services: catalog.services)
                try await options.output.each(names) { argument in
                    let summary = try manager.show(argument.name)
                    let isAnnex = summary.uuid != nil
                    let proxies = isAnnex ? try await options.proxies(of: summary.name, in: gateways) : []
                    return (summary.json(proxies), summary.lines(proxies))
                }
            }
        }
    }

    struct Rename: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Give a repository another name; its old URL keeps working.")
        @OptionGroup var options: RootOptions
        @Argument(transform: NameArgument.parsed) var name: NameArgument
        @Argument(transform: NameArgument.parsed) var newName: NameArgument

        func run() async throws {
            try await options.withManager(for: .changing) { manager, _ in
                try await manager.rename(name.name, to: newName.name)
                options.output.result(
                    ["path": .string("\(newName.name)"), "formerly": .string("\(name.name)")],
                    text: "renamed \(name.name) to \(newName.name)")
            }
        }
    }

    struct Delete: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Move repositories to the trash; `repo restore` brings them back, `repo purge` frees the space.")
        @OptionGroup var options: RootOptions
        @Argument(help: "Names such as team/data.", transform: NameArgument.parsed)
        var names: [NameArgument]

        func run() async throws {
            try await options.withManager(for: .changing) { manager, _ in
                try await options.output.each(names.map(\.name)) { name in
                    try await manager.delete(name)
                    let text = "deleted \(name); `annexd repo restore \(name)` brings it back, and `annexd repo purge` "
                    return (["deleted": .string("\(name)")], [text + "frees its space"])
                }
            }
        }
    }

    struct Restore: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Bring back the repository of this name deleted last.")
        @OptionGroup var options: RootOptions
        @Option(name: .customLong("as"), help: "Restore under another name.", transform: NameArgument.parsed)
        var newName: NameArgument?
        @Argument(transform: NameArgument.parsed) var name: NameArgument

        func run() async throws {
            try await options.withManager(for: .changing) { manager, _ in
                try await manager.restore(name.name, as: newName?.name)
                let restored = newName?.name ?? name.name
                options.output.result(["path": .string("\(restored)")], text: "restored \(restored)")
            }
        }
    }
}

extension RepositorySummary {
    /// - Parameter proxies: nil where they were not looked at.
    fileprivate func json(_ proxies: [ProxyStatus]?) -> JSONValue {
        var fields: [String: JSONValue] = [
            "path": .string("\(name)"), "uuid": uuid.map { .string("\($0)") } ?? .null, "directory": .string(folder),
            "bare": .boolean(isBare), "formerPaths": .array(formerNames.map { .string("\($0)") }),
            "sameUUID": .array(copies.map { .string("\($0)") }),
        ]
        if let content {
            fields["objects"] = .number(Int64(content.objects))
            fields["bytes"] = .number(Int64(clamping: content.bytes))
        }
        if let proxies { fields["proxies"] = .array(proxies.map { $0.json(in: name) }) }
        return .object(fields)
    }

    fileprivate var line: String {
        "\(name) \(uuid.map { "\($0)" } ?? (lacksUUID ? "(no UUID yet: contents are not served)" : "(not an annex)"))"
            + (copies.isEmpty ? "" : " (a copy: \(copyNames) too)")
    }

    private var lackOfUUID: String {
        "none yet, although it has a git-annex branch: the next push of git-annex gives it one, or git annex init in its folder"
    }

    private var copyNames: String { copies.map { "\($0)" }.joined(separator: ", ") }

    fileprivate func lines(_ proxies: [ProxyStatus]) -> [String] {
        var lines = [
            "\(name)", "  uuid: \(uuid.map { "\($0)" } ?? (lacksUUID ? lackOfUUID : "none: not an annex"))",
            "  folder: \(folder)",
        ]
        if !formerNames.isEmpty { lines.append("  formerly: " + formerNames.map { "\($0)" }.joined(separator: ", ")) }
        if !copies.isEmpty {
            lines.append("  same UUID: \(copyNames); git-annex takes them for one repository, so give one a new UUID")
        }
        if let content { lines.append("  content: \(content.objects) objects, \(content.bytes) bytes") }
        lines += proxies.map { "  proxies \($0.text)" }
        return lines
    }
}
