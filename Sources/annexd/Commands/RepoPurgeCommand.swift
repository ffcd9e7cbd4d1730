import AnnexProtocol
import ArgumentParser
import Glibc
import Hosting
import ObjectStore

extension RepoCommand {
    /// `annexd repo purge`: removes deleted repositories for good.
    struct Purge: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Remove deleted repositories for good, with their content, to free their space.",
            discussion: "`annexd repo list --deleted` shows what is in the trash, since when, and how large it is.")
        @OptionGroup var options: RootOptions
        @Flag(name: .long, help: "Everything in the trash.")
        var all = false
        @Option(name: .long, help: "Only what was deleted longer ago than this, such as 90d, 12h or 30m.")
        var olderThan: SpanArgument?
        @Flag(name: .long, help: "Say what would be removed, and remove nothing.")
        var dryRun = false
        @Argument(
            help: "Names such as team/data: everything that was deleted under them.", transform: NameArgument.parsed)
        var names: [NameArgument] = []

        func validate() throws {
            if all && !names.isEmpty { throw ValidationError("--all leaves no choice: leave the names away.") }
            if !all && names.isEmpty && olderThan == nil {
                throw ValidationError("Say what to remove: names, --older-than, or --all.")
            }
        }

        func run() async throws {
            try await options.withManager(for: dryRun ? .looking : .changing) { _, root in
                let trash = RepositoryTrash(root: root)
                let entries = try chosen(from: trash.entries())
                var rows: [Output.Entry] = []
                var freed: UInt64 = 0
                for entry in entries {
                    let size = try trash.size(of: entry)
                    // Somebody may have brought it back meanwhile.
                    guard try dryRun || trash.purge(entry) else { continue }
                    let (value, text) = entry.row(size: size)
                    rows.append((value, (dryRun ? "would remove " : "removed ") + text))
                    freed += size
                }
                options.output.list(rows)
                if !options.json {
                    let verb = dryRun ? "would be freed" : "freed"
                    StandardError.print("annexd: \(DataSize.describe(freed)) \(verb)")
                }
            }
        }

        private func chosen(from entries: [RepositoryTrash.Entry]) throws -> [RepositoryTrash.Entry] {
            for name in names.map(\.name) where !entries.contains(where: { $0.name == name }) {
                throw Failure("there is no deleted repository \"\(name)\"")
            }
            let wanted = Set(names.map(\.name))
            let now = Int64(time(nil))
            return entries.filter { entry in
                (wanted.isEmpty || wanted.contains(entry.name))
                    && (olderThan.map { now - entry.deleted >= $0.seconds } ?? true)
            }
        }
    }
}

extension RepositoryTrash.Entry {
    /// One line of the trash; `size` is in bytes.
    func row(size: UInt64) -> Output.Entry {
        (
            [
                "path": .string("\(name)"), "deleted": .time(deleted), "bytes": .number(Int64(clamping: size)),
            ], "\(name), deleted \(JSONValue.timeText(deleted)), \(DataSize.describe(size))"
        )
    }
}
