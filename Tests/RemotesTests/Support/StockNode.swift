import AnnexProtocol
import TestKit
import Testing

/// A repository of its own that `git annex p2phttp` of the stock program serves.
final class StockNode: @unchecked Sendable {
    let tree: WorkTree
    let uuid: RepositoryUUID
    private let server: StockServer

    var port: Int { server.port }

    /// - Parameter options: who may do what; `--wideopen` where none is given.
    init(in scratch: ScratchDirectory, options: [String] = ["--wideopen"], environment: [String: String] = [:]) throws {
        let client = try StockClient(in: scratch, name: "node")
        client.environment.merge(environment) { $1 }
        tree = try client.newRepository("node")
        uuid = try #require(RepositoryUUID(try tree.config("annex.uuid") ?? ""))
        server = try StockServer(tree, options: options)
    }

    func stop() { server.kill() }

    /// Puts content into the repository and answers its key.
    func add(_ bytes: [UInt8], as name: String) throws -> Key {
        try tree.write(name, bytes)
        try tree.add(name)
        return try Key(parsing: try tree.key(name))
    }

    /// Whether the repository itself says that it has the key.
    func has(_ key: Key) throws -> Bool {
        try tree.attempt("git", "annex", "find", "--key", "\(key)", "--in=here").trimmed != ""
            || tree.attempt("git", "annex", "readpresentkey", "\(key)", "\(uuid)").status == 0
                && tree.attempt("git", "annex", "contentlocation", "\(key)").status == 0
    }
}
