import Foundation

/// A person with stock git and stock git-annex, and a home of their own.
public final class StockClient {
    public let scratch: ScratchDirectory
    public let home: String
    /// The whole environment of this person's commands.
    public var environment: [String: String]

    public init(in scratch: ScratchDirectory, name: String = "alice") throws {
        self.scratch = scratch
        home = try scratch.makeDirectory("home-\(name)")
        environment = Command.plainEnvironment
        environment["HOME"] = home
        environment["GIT_CONFIG_GLOBAL"] = "\(home)/.gitconfig"
        environment["PATH"] = try Tools.searchPath()
        let config = """
            [user]
            \tname = \(name)
            \temail = \(name)@example.com
            [init]
            \tdefaultBranch = main
            [annex "security"]
            \tallowed-ip-addresses = all
            [gc]
            \tauto = 0
            [maintenance]
            \tauto = false
            [advice]
            \tdetachedHead = false

            """
        try Data(config.utf8).write(to: URL(fileURLWithPath: "\(home)/.gitconfig"))
    }

    /// A command of this person.
    public func command(_ arguments: [String], in directory: String, timeout: Double = 300) -> Command {
        Command(arguments, environment: environment, directory: directory, timeout: timeout)
    }

    /// Clones `url` into a new work tree called `name`.
    public func clone(_ url: String, as name: String, _ options: [String] = []) throws -> WorkTree {
        try command(["git", "clone", "-q"] + options + [url, name], in: scratch.path).check()
        return WorkTree(client: self, path: scratch.child(name))
    }

    /// Clones `url` and initialises the annex of the clone, described as `name`.
    public func annexClone(_ url: String, as name: String) throws -> WorkTree {
        let tree = try clone(url, as: name)
        try tree.annex("init", name)
        return tree
    }

    /// Makes a new repository with an annex, connected to nothing.
    public func newRepository(_ name: String, annex: Bool = true) throws -> WorkTree {
        try command(["git", "init", "-q", name], in: scratch.path).check()
        let tree = WorkTree(client: self, path: scratch.child(name))
        if annex { try tree.annex("init", name) }
        return tree
    }
}
