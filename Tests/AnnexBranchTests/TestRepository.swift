import AnnexBranch
import AnnexProtocol
import Dispatch
import Foundation
import Logging
import SystemPackage
import Testing

/// Runs blocking work on Dispatch threads.
struct DispatchExecutor: BlockingExecutor {
    func run<Result: Sendable>(_ work: @escaping @Sendable () throws -> Result) async throws -> Result {
        try await withCheckedThrowingContinuation { continuation in
            DispatchQueue.global().async { continuation.resume(with: Swift.Result { try work() }) }
        }
    }
}

struct CommandFailed: Error, CustomStringConvertible {
    var description: String
}

/// A bare repository in a scratch folder, with real git and the stock program at hand.
struct TestRepository: Sendable {
    let root: String
    let uuid: RepositoryUUID
    var path: String { root + "/repo.git" }

    /// Makes a repository that the stock program initialised, runs `body`, and removes everything.
    static func with<Result>(stockInit: Bool = true, _ body: (TestRepository) async throws -> Result) async throws
        -> Result
    {
        let root = FileManager.default.temporaryDirectory.path + "/annexd-branch-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: root + "/home", withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: root) }
        let uuid = RepositoryUUID.random()
        let repository = TestRepository(root: root, uuid: uuid)
        try await repository.run("git", ["init", "-q", "--bare", "-b", "main", repository.path], in: root)
        try await repository.git("config", "annex.uuid", "\(uuid)")
        if stockInit {
            try await repository.annex("init", "-q", "server")
        } else {
            try await repository.git("config", "annex.version", "10")
        }
        return try await body(repository)
    }

    func branch(
        _ adjust: (inout BranchSettings) -> Void = { _ in }, requireSame: @escaping @Sendable () throws -> Void = {}
    ) -> AnnexBranch {
        var settings = BranchSettings()
        adjust(&settings)
        return AnnexBranch(
            gitDirectory: FilePath(path), uuid: uuid, settings: settings, executor: DispatchExecutor(),
            logger: Logger(label: "test"), requireSame: requireSame)
    }

    @discardableResult
    func git(_ arguments: String..., in directory: String? = nil, input: String = "") async throws -> String {
        try await run("git", arguments, in: directory ?? path, input: input)
    }

    @discardableResult
    func annex(_ arguments: String..., in directory: String? = nil) async throws -> String {
        try await run(try Self.stock(), arguments, in: directory ?? path)
    }

    func gitStatus(_ arguments: String..., in directory: String? = nil) async throws -> Int32 {
        do { _ = try await run("git", arguments, in: directory ?? path) } catch is CommandFailed { return 1 }
        return 0
    }

    func log(_ key: Key) async throws -> String {
        try await show(BranchPath(of: key, .location, levels: .two).description)
    }

    func show(_ file: String, ref: String = "git-annex") async throws -> String {
        try await git("show", "\(ref):\(file)")
    }

    var commits: Int {
        get async throws {
            Int(try await git("rev-list", "--count", "git-annex").trimmingCharacters(in: .whitespacesAndNewlines)) ?? 0
        }
    }

    func journalFiles() -> [String] {
        (try? FileManager.default.contentsOfDirectory(atPath: path + "/annex/journal")) ?? []
    }

    func writeJournal(_ file: String, _ content: String) throws {
        let name = JournalName.encode(try #require(BranchPath(file)))
        try FileManager.default.createDirectory(atPath: path + "/annex/journal", withIntermediateDirectories: true)
        try Data(content.utf8).write(
            to: URL(fileURLWithPath: path + "/annex/journal/" + String(decoding: name, as: UTF8.self)))
    }

    /// A commit with these files on top of `parents`.
    func commit(_ files: [String: String], parents: [String] = [], mode: String = "100644") async throws -> String {
        let index = root + "/index-\(UUID().uuidString)"
        let variables = ["GIT_INDEX_FILE": index]
        if let first = parents.first { try await run("git", ["read-tree", first], in: path, variables: variables) }
        for (name, content) in files {
            let blob = try await git("hash-object", "-w", "--stdin", input: content).trimmingCharacters(in: .newlines)
            try await run(
                "git", ["update-index", "--add", "--cacheinfo", "\(mode),\(blob),\(name)"], in: path,
                variables: variables)
        }
        let tree = try await run("git", ["write-tree"], in: path, variables: variables).trimmingCharacters(
            in: .newlines)
        let arguments = ["commit-tree", tree, "-m", "x"] + parents.flatMap { ["-p", $0] }
        return try await run("git", arguments, in: path).trimmingCharacters(in: .newlines)
    }

    @discardableResult
    func run(
        _ program: String, _ arguments: [String], in directory: String, input: String = "",
        variables: [String: String] = [:]
    ) async throws -> String {
        let stockDirectory = try FilePath(Self.stock()).removingLastComponent().string
        let environment = [
            "PATH": stockDirectory + ":/usr/local/bin:/usr/bin:/bin", "HOME": root + "/home",
            "GIT_CONFIG_GLOBAL": "/dev/null",
            "GIT_CONFIG_NOSYSTEM": "1", "GIT_AUTHOR_NAME": "t", "GIT_AUTHOR_EMAIL": "t@t", "GIT_COMMITTER_NAME": "t",
            "GIT_COMMITTER_EMAIL": "t@t", "LC_ALL": "C.UTF-8",
        ].merging(variables) { $1 }
        return try await DispatchExecutor().run {
            let process = Process()
            process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
            process.arguments = [program] + arguments
            process.currentDirectoryURL = URL(fileURLWithPath: directory)
            process.environment = environment
            let files = root + "/out-\(UUID().uuidString)"
            try Data(input.utf8).write(to: URL(fileURLWithPath: files + ".in"))
            for name in [files + ".out", files + ".err"] {
                _ = FileManager.default.createFile(atPath: name, contents: nil)
            }
            process.standardInput = FileHandle(forReadingAtPath: files + ".in")
            process.standardOutput = FileHandle(forWritingAtPath: files + ".out")
            process.standardError = FileHandle(forWritingAtPath: files + ".err")
            try process.run()
            process.waitUntilExit()
            let output = String(decoding: FileManager.default.contents(atPath: files + ".out") ?? Data(), as: UTF8.self)
            let errors = String(decoding: FileManager.default.contents(atPath: files + ".err") ?? Data(), as: UTF8.self)
            guard process.terminationStatus == 0 else {
                throw CommandFailed(
                    description: "\(program) \(arguments): \(process.terminationStatus) \(output) \(errors)")
            }
            return output
        }
    }

    /// The stock program; a missing one fails the test rather than skipping it.
    static func stock() throws -> String {
        let environment = ProcessInfo.processInfo.environment
        var places = [environment["ANNEXD_TEST_GIT_ANNEX"]].compactMap(\.self)
        places += (environment["PATH"] ?? "").split(separator: ":").map { $0 + "/git-annex" }
        places.append(FileManager.default.currentDirectoryPath + "/.venv/bin/git-annex")
        guard let found = places.first(where: FileManager.default.isExecutableFile(atPath:)) else {
            throw CommandFailed(description: "no git-annex: set ANNEXD_TEST_GIT_ANNEX")
        }
        return found
    }
}

func key(_ number: Int) throws -> Key { try Key(parsing: "SHA256-s\(number)--k\(number)") }

/// Waits until something holds, for at most a minute.
func eventually(_ condition: () async throws -> Bool) async throws {
    for _ in 0..<3000 {
        if try await condition() { return }
        try await Task.sleep(for: .milliseconds(20))
    }
    throw CommandFailed(description: "the condition did not come true")
}
