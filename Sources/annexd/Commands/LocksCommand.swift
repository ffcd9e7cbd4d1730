import AnnexProtocol
import ArgumentParser
import Hosting

/// `annexd locks …`: content that clients count on, and that therefore cannot be removed.
struct LocksCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "locks",
        abstract: "List and break content locks.",
        discussion: """
            While a client drops its own copy of a file it locks ours, for ten minutes or as long as it is connected. \
            Works with and without a running server; only that knows which client holds a lock.
            """,
        subcommands: [List.self, Break.self])
}

extension LocksCommand {
    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "List the content that is locked.",
            discussion: "Looks into the folder of every key, so it takes a while in a large repository.")
        @OptionGroup var options: RootOptions
        @Argument(
            help: "Names such as team/data; all repositories without one.", transform: NameArgument.parsed)
        var names: [NameArgument] = []

        func run() async throws {
            try await options.withManager { manager, root in
                let held = try ControlClient.ask(root: root, "locks.list")?["locks"]?.array ?? []
                let chosen = try names.isEmpty ? manager.list().map(\.name) : names.map(\.name)
                var rows: [(value: JSONValue, text: String)] = []
                for name in chosen {
                    for lock in try manager.locks(in: name) {
                        let clients = held.filter {
                            $0["key"]?.string == lock.key.description && $0["uuid"]?.string == lock.uuid?.description
                        }
                        rows.append((lock.json(clients), lock.text(clients)))
                    }
                }
                // Content elsewhere, behind a proxied remote, has no lock files here.
                let proxied = held.filter { lock in
                    lock["location"]?.string != lock["uuid"]?.string
                        && chosen.contains { "\($0)" == lock["path"]?.string }
                }
                rows += proxied.map { ($0.withTimes, Self.text(ofProxied: $0)) }
                options.output.list(rows)
            }
        }

        private static func text(ofProxied lock: JSONValue) -> String {
            "\(lock["path"]?.string ?? "") \(lock["key"]?.string ?? ""): locked in \(lock["location"]?.string ?? ""); "
                + "client \(lock["client"]?.string ?? "")"
        }
    }

    struct Break: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Take away the protection of a key's content.",
            discussion: """
                A client may be dropping its own copy at this moment because ours is locked. If ours is removed now, the \
                last copy may be lost, so this asks for --force. Breaking a lock removes no content by itself.
                """)
        @OptionGroup var options: RootOptions
        @Flag(name: .long, help: "Break it although a client may count on it.")
        var force = false
        @Argument(help: "The repository, such as team/data.", transform: NameArgument.parsed)
        var name: NameArgument
        @Argument(help: "Keys, such as SHA256E-s3--….", transform: KeyArgument.parsed)
        var keys: [KeyArgument]

        func run() async throws {
            try await options.withManager(for: .changing) { manager, root in
                try await options.output.each(keys.map(\.key)) { try run($0, manager, root) }
            }
        }

        private func run(_ key: Key, _ manager: RepositoryManager, _ root: RootFolder) throws -> Output.Row {
            let uuid = try manager.uuid(of: name.name)
            if !force {
                guard try manager.isLocked(key, in: name.name) else { return row(key, clients: [], isBroken: false) }
                throw Failure(
                    "a client may be dropping its copy because \(key) is locked here; if this copy is removed too, the "
                        + "content may be lost. Say --force to break the lock all the same")
            }
            let parameters: [String: JSONValue] = [
                "key": .string("\(key)"), "uuid": uuid.map { .string("\($0)") } ?? .null,
            ]
            let clients =
                try uuid == nil ? [] : ControlClient.ask(root: root, "locks.break", parameters)?["locks"]?.array ?? []
            switch try manager.breakLock(on: key, in: name.name) {
            case .held(let process):
                let holder = process.map { "process \($0)" } ?? "a process that is no server of this root"
                throw Failure("\(key) is locked by \(holder); only its end frees it")
            case .notLocked: return row(key, clients: clients, isBroken: !clients.isEmpty)
            case .broken: return row(key, clients: clients, isBroken: true)
            }
        }

        private func row(_ key: Key, clients: [JSONValue], isBroken: Bool) -> Output.Row {
            let names = clients.compactMap { $0["client"]?.string }
            let suffix = names.isEmpty ? "" : ", held for " + names.joined(separator: ", ")
            let value: JSONValue = [
                "path": .string("\(name.name)"), "key": .string("\(key)"), "broken": .boolean(isBroken),
                "clients": .array(names.map { .string($0) }),
            ]
            let place = "\(key) in \(name.name)"
            return (value, [isBroken ? "broke the lock on \(place)\(suffix)" : "\(key) is not locked in \(name.name)"])
        }
    }
}

extension LockSummary {
    fileprivate func json(_ clients: [JSONValue]) -> JSONValue {
        [
            "path": .string("\(name)"), "uuid": uuid.map { .string("\($0)") } ?? .null, "key": .string("\(key)"),
            "until": until.map { .time($0) } ?? .null, "held": .boolean(isHeld),
            "process": process.map { .number(Int64($0)) } ?? .null,
            "clients": .array(
                clients.map { client in
                    [
                        "client": client["client"] ?? .null, "until": client.withTimes["until"] ?? .null,
                        "connected": client["connected"] ?? .null,
                    ]
                }),
        ]
    }

    fileprivate func text(_ clients: [JSONValue]) -> String {
        var facts: [String] = []
        if let until { facts.append("until \(JSONValue.timeText(until))") }
        let isConnected = { (client: JSONValue) in client["connected"]?.boolean == true }
        if let held = Self.summary(of: clients.filter(isConnected)) { facts.append("held by \(held), connected") }
        let promises = clients.filter { !isConnected($0) }
        if let promised = Self.summary(of: promises) { facts.append("promised to \(promised)") }
        if clients.isEmpty, isHeld { facts.append(process.map { "held by process \($0)" } ?? "held by a process") }
        return "\(name) \(key): " + facts.joined(separator: "; ")
    }

    /// Who has these locks, in a few words however many there are: one client can have any number of locks on one key.
    private static func summary(of locks: [JSONValue]) -> String? {
        var counts: [String: Int] = [:]
        for lock in locks { counts[lock["client"]?.string ?? "a client", default: 0] += 1 }
        if counts.isEmpty { return nil }
        let names = counts.sorted { ($0.value, $1.key) > ($1.value, $0.key) }
            .map { $0.value == 1 ? $0.key : "\($0.key) (\($0.value) times)" }
        let rest = names.count - namedAtMost
        return names.prefix(namedAtMost).joined(separator: ", ") + (rest > 0 ? " and \(rest) more" : "")
    }

    private static let namedAtMost = 3
}

extension JSONValue {
    /// A lock as the server tells it, with its time as people and scripts get it.
    fileprivate var withTimes: JSONValue {
        guard case .object(var fields) = self, let until = self["until"]?.number else { return self }
        fields["until"] = .time(until)
        return .object(fields)
    }
}
