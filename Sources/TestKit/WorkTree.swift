import Foundation

/// A repository of a stock client, or the served one when looked at with stock programs.
public struct WorkTree {
    public let client: StockClient
    public let path: String

    public init(client: StockClient, path: String) {
        self.client = client
        self.path = path
    }

    /// Runs git and throws its transcript unless it succeeds.
    @discardableResult
    public func git(_ arguments: String..., timeout: Double = 300) throws -> CommandResult {
        try client.command(["git"] + arguments, in: path, timeout: timeout).check()
    }

    /// Runs git annex and throws its transcript unless it succeeds.
    @discardableResult
    public func annex(_ arguments: String..., timeout: Double = 300) throws -> CommandResult {
        try client.command(["git", "annex"] + arguments, in: path, timeout: timeout).check()
    }

    /// Runs any command and returns how it ended, success or not.
    public func attempt(_ arguments: String..., timeout: Double = 300) throws -> CommandResult {
        try client.command(arguments, in: path, timeout: timeout).run()
    }

    /// Starts a command in the background.
    public func begin(_ arguments: String...) throws -> ChildProcess {
        try client.command(arguments, in: path).start()
    }

    /// Writes a file, replacing whatever is there.
    public func write(_ name: String, _ bytes: [UInt8]) throws {
        let url = URL(fileURLWithPath: "\(path)/\(name)")
        try FileManager.default.createDirectory(at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
        unlink(url.path)
        try Data(bytes).write(to: url)
    }

    /// Writes a text file.
    public func write(_ name: String, _ text: String) throws {
        try write(name, Array(text.utf8))
    }

    /// The bytes of a file, through the annex link, or nil when there is none.
    public func read(_ name: String) -> [UInt8]? {
        FileManager.default.contents(atPath: "\(path)/\(name)").map { [UInt8]($0) }
    }

    /// Whether the file's content is here.
    public func has(_ name: String) -> Bool {
        access("\(path)/\(name)", R_OK) == 0
    }

    /// Adds files to the annex, or to git as `.gitattributes` says, and commits.
    public func add(_ names: String..., message: String = "add") throws {
        try client.command(["git", "annex", "add", "--"] + names, in: path).check()
        try git("commit", "-qm", message)
    }

    /// The key of an annexed file.
    public func key(_ name: String) throws -> String {
        try annex("lookupkey", "--", name).trimmed
    }

    /// The value of a git configuration key, or nil.
    public func config(_ name: String) throws -> String? {
        let result = try attempt("git", "config", name)
        return result.status == 0 ? result.trimmed : nil
    }

    /// The UUID under which this clone sends content.
    public func uuid() throws -> String { try config("annex.uuid") ?? "" }

    /// The UUIDs that `git annex whereis` names for a file, sorted.
    public func whereis(_ name: String) throws -> [String] {
        let line = try attempt("git", "annex", "whereis", "--json", "--", name).text
        guard
            let object = try? JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any],
            let places = object["whereis"] as? [[String: Any]]
        else { return [] }
        return places.compactMap { $0["uuid"] as? String }.sorted()
    }

    /// The location log of a key as the `git-annex` branch (not the journal) has it, or nil.
    public func committedLog(_ key: String) throws -> String? {
        let lower = try annex("examinekey", "--format=${hashdirlower}", key).trimmed
        let name = key.replacingOccurrences(of: "&", with: "&a").replacingOccurrences(of: "%", with: "&s")
            .replacingOccurrences(of: ":", with: "&c").replacingOccurrences(of: "/", with: "%")
        let folder = lower.hasSuffix("/") ? lower : lower + "/"
        let result = try attempt("git", "cat-file", "blob", "git-annex:\(folder)\(name).log")
        return result.status == 0 ? result.text : nil
    }
}
