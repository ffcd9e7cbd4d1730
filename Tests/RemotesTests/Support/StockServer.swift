import AnnexProtocol
import Glibc
import TestKit
import Testing

/// `git annex p2phttp` of the stock program, serving a repository of its own.
final class StockServer: @unchecked Sendable {
    let tree: WorkTree
    let uuid: RepositoryUUID
    let port: Int
    private let process: ChildProcess

    /// - Parameter options: who may do what; `--wideopen` where none is given.
    init(in scratch: ScratchDirectory, options: [String] = ["--wideopen"], environment: [String: String] = [:]) throws {
        let client = try StockClient(in: scratch, name: "node")
        client.environment.merge(environment) { $1 }
        tree = try client.newRepository("node")
        uuid = try #require(RepositoryUUID(try tree.config("annex.uuid") ?? ""))
        port = try freePort()
        process = try client.command(
            ["git-annex", "p2phttp", "-J4", "--bind", "127.0.0.1", "--port", "\(port)"] + options, in: tree.path
        ).start()
        let (port, process) = (port, process)
        let answers = eventually(within: 60) { (try? RawConnection(port: port)) != nil || process.status != nil }
        guard answers, process.status == nil else {
            throw TestKitError(.timeout, "p2phttp does not listen: \(String(decoding: process.errors, as: UTF8.self))")
        }
    }

    func stop() {
        process.signalGroup(SIGTERM)
        _ = process.finish(within: 20)
    }

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

/// A port that was free a moment ago.
func freePort() throws -> Int {
    let server = try ScriptedServer { _, _ in }
    defer { server.close() }
    return server.port
}
