import ArgumentParser
import FileIO
import Glibc
import Hosting
import SystemPackage

extension RepoCommand {
    /// `annexd repo import`: takes over a repository that was made elsewhere.
    struct Import: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Take an existing repository on this machine into the root, with its UUID and content.",
            discussion: """
                The source stays and is copied, unless --move is given. A copy has the UUID of its source, and git-annex \
                takes both for one repository: use only one of them afterwards.
                """)
        @OptionGroup var options: RootOptions
        @Flag(help: "Copy the source (the default), or move it, which needs it to be on the same file system.")
        var way = Way.copy
        @Argument(help: "The repository's folder.")
        var source: String
        @Argument(help: "Its name on this host, such as team/data.", transform: NameArgument.parsed)
        var name: NameArgument

        enum Way: String, EnumerableFlag { case copy, move }

        func run() async throws {
            let name = name.name
            // Before another user's rights count, for whom the current folder may be closed.
            let folder = FilePath(source).absolute
            try await options.withManager(for: .changing) { manager, root in
                let owner = try RootOwner(of: root.path)
                if way == .move { try requireOwnFiles(folder, owner) }
                do {
                    try await manager.importRepository(at: folder, as: name, keepingSource: way == .copy)
                } catch let error as FileError where error.code == .permissionDenied {
                    throw Failure("\(error); the source must be open to \(owner.name), to whom the root folder belongs")
                }
                try report(manager, root)
            }
        }

        /// What is moved keeps its owner, and the server could not write to it.
        private func requireOwnFiles(_ folder: FilePath, _ owner: RootOwner) throws {
            guard let status = try Files.status(folder), status.owner != owner.user, owner.user != 0 else { return }
            throw Failure(
                "\"\(source)\" does not belong to \(owner.name), to whom the root folder belongs: copy it, or give it "
                    + "away first with `chown -R \(owner.name) \(source)`")
        }

        private func report(_ manager: RepositoryManager, _ root: RootFolder) throws {
            let name = name.name
            let uuid = try manager.uuid(of: name)
            let others = try uuid == nil ? [] : manager.list().filter { $0.uuid == uuid && $0.name != name }.map(\.name)
            let url = options.url(of: name, in: root)
            let value: JSONValue = [
                "path": .string("\(name)"), "source": .string(source), "moved": .boolean(way == .move),
                "uuid": uuid.map { .string("\($0)") } ?? .null, "url": url.map { .string($0) } ?? .null,
                "sameUUID": .array(others.map { .string("\($0)") }),
            ]
            let identity = uuid.map { "\($0)" } ?? "(not an annex)"
            let place = url.map { ["  \($0)"] } ?? []
            options.output.result(value, lines: ["imported \(source) as \(name) \(identity)"] + place)
            if uuid == nil {
                StandardError.print(
                    "annexd: \(name) has no annex.uuid, so only git is served; the first push of a git-annex branch, for "
                        + "example by `git annex push`, makes it an annex")
            } else if way == .copy {
                StandardError.print("annexd: \(source) has the same UUID: use only one of the two from now on")
            }
            if !others.isEmpty {
                let names = others.map { "\($0)" }.joined(separator: ", ")
                StandardError.print(
                    "annexd: warning: \(names) has the same UUID; git-annex takes both for one repository, and neither "
                        + "can be reached by UUID: give one a new UUID with `git annex reinit`, or delete it")
            }
        }
    }
}
