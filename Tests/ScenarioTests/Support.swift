import TestKit
import Testing

/// Runs a scenario with a fresh server and one person, and sees the server end cleanly.
func withHost(
    _ options: AnnexdHost.Options = .init(),
    sourceLocation: SourceLocation = #_sourceLocation,
    _ body: (AnnexdHost, StockClient) throws -> Void,
) throws {
    try ScratchDirectory.with { scratch in
        let host = try AnnexdHost(in: scratch, options)
        let client = try StockClient(in: scratch)
        do {
            try body(host, client)
            try host.stop()
        } catch {
            Issue.record("\(error)\n--- server log ---\n\(host.log.suffix(3000))", sourceLocation: sourceLocation)
        }
    }
}

/// Runs a scenario with a fresh server and the repository `team/data`, for P2P calls.
func withRepository(
    _ options: AnnexdHost.Options = .init(),
    sourceLocation: SourceLocation = #_sourceLocation,
    _ body: (HostedRepository, P2PCalls, StockClient) throws -> Void,
) throws {
    try withHost(options, sourceLocation: sourceLocation) { host, client in
        let repository = try host.create("team/data")
        try body(repository, try repository.p2p(), client)
    }
}

extension P2PCalls {
    /// Stores `bytes` under a SHA256 key, expects success, and returns the key.
    func store(_ bytes: [UInt8], sourceLocation: SourceLocation = #_sourceLocation) throws -> String {
        let key = try Tools.sha256Key(bytes)
        let reply = try put(key, bytes)
        #expect(
            reply.bool("stored") == true, "put answered \(reply.status) \(reply.reason) \(reply.text)",
            sourceLocation: sourceLocation)
        return key
    }
}

/// Whether a file exists.
func exists(_ path: String) -> Bool {
    (try? Command(["test", "-e", path]).run().status) == 0
}

/// The permission bits of a file in octal, such as `444`.
func mode(_ path: String) throws -> String {
    try Command(["stat", "-c", "%a", path]).check().trimmed
}

/// The text of a small file, or nil.
func text(_ path: String) -> String? {
    guard let result = try? Command(["cat", path]).run(), result.status == 0 else { return nil }
    return result.text
}

/// Writes a small file.
func write(_ path: String, _ text: String) throws {
    try Command(["sh", "-c", "cat > \"$0\"", path], input: Array(text.utf8)).check()
}

/// What `git annex testremote` fails at over annex+http with every server: it wants the remote to be out of reach, and
/// the client finds its way back to it (spec 03 §9).
let unavailableCases: Set = [
    "unavailable remote: removeKey", "unavailable remote: storeKey", "unavailable remote: checkPresent",
]

extension CommandResult {
    /// The tests that `git annex testremote` says have failed, as `group: name`.
    var failedTests: Set<String> {
        var failed: Set<String> = []
        var groups: [(depth: Int, name: String)] = []
        for line in allText.split(separator: "\n") {
            let depth = line.prefix { $0 == " " }.count
            let name = line.dropFirst(depth).prefix { $0 != ":" }
            groups.removeAll { $0.depth >= depth }
            if line.contains(" FAIL") {
                failed.insert("\(groups.last?.name ?? ""): \(name)")
            } else {
                groups.append((depth, String(line.dropFirst(depth))))
            }
        }
        return failed
    }
}
