import AnnexProtocol
import FileIO
import Foundation
import SystemPackage
import Testing

@testable import ObjectStore

/// The stock program, run in a repository of its own making.
private struct Stock {
    let program: String
    let environment: [String: String]

    /// Found by `ANNEXD_TEST_GIT_ANNEX`, in `PATH`, or in `.venv/bin` of the package; a missing one is an error.
    init(home: FilePath) throws {
        let outer = ProcessInfo.processInfo.environment
        var package = FilePath(#filePath)
        for _ in 0..<3 { package.removeLastComponent() }
        let folders = (outer["PATH"] ?? "").split(separator: ":").map(String.init) + [package.string + "/.venv/bin"]
        let candidates = [outer["ANNEXD_TEST_GIT_ANNEX"]].compactMap { $0 } + folders.map { $0 + "/git-annex" }
        guard let program = candidates.first(where: { FileManager.default.isExecutableFile(atPath: $0) }) else {
            throw FixtureError("git-annex is needed for this test: set ANNEXD_TEST_GIT_ANNEX")
        }
        self.program = program
        environment = [
            "HOME": home.string, "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_NOSYSTEM": "1", "LC_ALL": "C.UTF-8",
            "PATH": FilePath(program).removingLastComponent().string + ":/usr/local/bin:/usr/bin:/bin",
            "GIT_AUTHOR_NAME": "a", "GIT_AUTHOR_EMAIL": "a@b", "GIT_COMMITTER_NAME": "a", "GIT_COMMITTER_EMAIL": "a@b",
        ]
    }

    /// Runs to the end; standard output and error together.
    @discardableResult
    func run(_ program: String, _ arguments: [String], in directory: FilePath) throws -> (status: Int32, output: String)
    {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = [program] + arguments
        process.environment = environment
        process.currentDirectoryURL = URL(fileURLWithPath: directory.string)
        let pipe = Pipe()
        process.standardOutput = pipe
        process.standardError = pipe
        process.standardInput = FileHandle.nullDevice
        try process.run()
        let output = pipe.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        return (process.terminationStatus, String(decoding: output, as: UTF8.self))
    }

    func annex(_ arguments: String..., in directory: FilePath) throws -> (status: Int32, output: String) {
        try run(program, arguments, in: directory)
    }

    func annexShell(_ arguments: [String], in directory: FilePath) throws -> Process {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: program + "-shell")
        process.arguments = arguments
        process.environment = environment
        process.currentDirectoryURL = URL(fileURLWithPath: directory.string)
        return process
    }
}

/// Behaviour beside the stock program in one repository.
@Suite struct StockTests {
    private let fixture: Fixture
    private let stock: Stock
    private let content = sample(5000)
    private let key: Key

    init() throws {
        fixture = try Fixture()
        stock = try Stock(home: fixture.root)
        key = try ObjectStoreTests.key(for: content)
        try Files.removeTree(fixture.git)
    }

    private func makeRepository(version: Int = 10, shared: String? = nil, settings: [String] = []) throws {
        let shared = shared.map { ["--shared=\($0)"] } ?? []
        try check(stock.run("git", ["init", "-q", "--bare"] + shared + [fixture.git.string], in: fixture.root))
        for setting in ["annex.autoupgraderepository=false"] + settings {
            let parts = setting.split(separator: "=").map(String.init)
            try check(stock.run("git", ["config"] + parts, in: fixture.git))
        }
        try check(stock.annex("init", "--version=\(version)", "stock", in: fixture.git))
        fixture.settings.version = version
    }

    private func check(_ result: (status: Int32, output: String)) throws {
        if result.status != 0 { throw FixtureError(result.output) }
    }

    /// Lets stock know of the content, as our location log would.
    private func logPresence() throws {
        let uuid = try stock.run("git", ["config", "annex.uuid"], in: fixture.git).output.dropLast()
        try check(stock.annex("setpresentkey", key.description, String(uuid), "1", in: fixture.git))
    }

    @Test(
        "spec 01 #18, #21, #23: fsck by stock is clean after our put",
        arguments: [
            ("", ""), ("annex.tune.objecthash1=true", ""), ("", "group"), ("", "0600"), ("", "0660"),
        ])
    func fsck(tuning: String, sharing: String) throws {
        try makeRepository(shared: sharing.isEmpty ? nil : sharing, settings: tuning.isEmpty ? [] : [tuning])
        fixture.settings.objectHash1 = !tuning.isEmpty
        if !sharing.isEmpty { fixture.settings.sharing = SharedRepository(parsing: sharing) }
        try fixture.put(content, as: key)
        try logPresence()
        let before = try fixture.mode(fixture.place(key).object)
        let result = try stock.annex("fsck", "--all", in: fixture.git)
        #expect(result.status == 0 && result.output.contains("(checksum...) ok"), "\(result.output)")
        #expect(try fixture.mode(fixture.place(key).object) == before)
        // What stock stores has the same modes.
        let other = sample(77, seed: 3)
        let file = fixture.root.appending("other")
        try write(other, to: file)
        let otherKey = try ObjectStoreTests.key(for: other)
        try check(stock.annex("setkey", otherKey.description, file.string, in: fixture.git))
        let (ours, theirs) = (fixture.place(key), fixture.place(otherKey))
        #expect(try fixture.mode(ours.object) == fixture.mode(theirs.object))
        #expect(try fixture.mode(ours.directory) == fixture.mode(theirs.directory))
        #expect(try fixture.mode(ours.parents[1]) == fixture.mode(theirs.parents[1]))
        #expect(try Files.exists(fixture.store.find(otherKey)?.path ?? ""))
        try fixture.store.remove(otherKey)
    }

    @Test("spec 01 #31: while we hold the lock, stock cannot drop", arguments: [9, 10])
    func ourLockStopsStock(version: Int) throws {
        try makeRepository(version: version)
        try fixture.put(content, as: key)
        try logPresence()
        let lock = try #require(try fixture.store.lock(key))
        let refused = try stock.annex("drop", "--force", "--key", key.description, in: fixture.git)
        #expect(refused.status != 0 && refused.output.contains("locked"), "\(refused.output)")
        #expect(try fixture.store.find(key) != nil)
        if version == 10 {
            // The retention file alone stops it as well.
            try lock.release(keepingRetention: true)
            #expect(try stock.annex("drop", "--force", "--key", key.description, in: fixture.git).status != 0)
            let next = try #require(try fixture.store.lock(key))
            try tamper(fixture.place(key)) { _ = try Files.unlink(fixture.place(key).retention) }
            try next.release(keepingRetention: false)
        } else {
            try lock.release(keepingRetention: false)
        }
        try check(stock.annex("drop", "--force", "--key", key.description, in: fixture.git))
        #expect(try fixture.store.find(key) == nil)
    }

    @Test(
        "spec 01 #32, #36: while stock holds the lock, and after it was killed, we do not remove", arguments: [9, 10])
    func stocksLockStopsUs(version: Int) throws {
        try makeRepository(version: version)
        try fixture.put(content, as: key)
        let process = try stock.annexShell(["p2pstdio", fixture.git.string, "client"], in: fixture.root)
        let (input, output) = (Pipe(), Pipe())
        process.standardInput = input
        process.standardOutput = output
        try process.run()
        defer { if process.isRunning { process.terminate() } }
        var received = ""
        func readLine() throws -> String {
            while true {
                if let end = received.firstIndex(of: "\n") {
                    defer { received = String(received[received.index(after: end)...]) }
                    return String(received[..<end])
                }
                let data = output.fileHandleForReading.availableData
                if data.isEmpty { throw FixtureError("p2pstdio ended") }
                received += String(decoding: data, as: UTF8.self)
            }
        }
        #expect(try readLine().hasPrefix("AUTH-SUCCESS"))
        try input.fileHandleForWriting.write(contentsOf: Data("LOCKCONTENT \(key)\n".utf8))
        #expect(try readLine() == "SUCCESS")
        #expect(try fixture.store.beginRemoval(key).isLocked)
        // A lock of ours beside it ends without harm to it.
        let lock = try #require(try fixture.store.lock(key))
        try lock.release(keepingRetention: false)
        #expect(try fixture.store.beginRemoval(key).isLocked)
        kill(process.processIdentifier, SIGKILL)
        process.waitUntilExit()
        if version == 10 {
            // Ours came later, so its time is what the file says; that of the killed one is within it.
            try tamper(fixture.place(key)) {
                try write(RetentionTime.now.adding(seconds: 500).bytes, to: fixture.place(key).retention)
            }
            #expect(try fixture.store.beginRemoval(key).isLocked)
            try tamper(fixture.place(key)) {
                try write(RetentionTime.now.adding(seconds: -5).bytes, to: fixture.place(key).retention)
            }
        }
        try fixture.store.remove(key)
        #expect(try fixture.tree(fixture.annex.appending("objects")).isEmpty)
    }

    @Test("spec 01 #41: stock does not get a key that we receive")
    func transferInProgress() throws {
        try makeRepository()
        let origin = fixture.root.appending("origin.git")
        try check(stock.run("git", ["clone", "-q", "--bare", fixture.git.string, origin.string], in: fixture.root))
        try check(stock.annex("init", "origin", in: origin))
        let source = ObjectStore(gitDirectory: origin, settings: StoreSettings())
        let start = try source.beginReceiving(
            key, clientUUID: [], offset: 0, length: 5000, checker: HashChecker(key))
        let upload = try start.reception
        try upload.append(content)
        #expect(try upload.finish(.complete) == .stored(newly: true))
        upload.release()
        let uuid = try stock.run("git", ["config", "annex.uuid"], in: origin).output.dropLast()
        try check(stock.run("git", ["remote", "add", "origin", origin.string], in: fixture.git))
        try check(stock.annex("setpresentkey", key.description, String(uuid), "1", in: fixture.git))

        let reception = try fixture.begin(key, length: 5000).reception
        let refused = try stock.annex("get", "--key", key.description, in: fixture.git)
        #expect(refused.status != 0 && refused.output.contains("transfer"), "\(refused.output)")
        reception.release()
        try check(stock.annex("get", "--key", key.description, in: fixture.git))
        #expect(try fixture.begin(key, length: 5000).isAlreadyPresent)
    }

    @Test("spec 01 §3.2: stock works in a repository with our annex directories")
    func ourDirectories() throws {
        try check(stock.run("git", ["init", "-q", "--bare", fixture.git.string], in: fixture.root))
        try fixture.store.createAnnexDirectories()
        try check(stock.annex("init", "stock", in: fixture.git))
        try fixture.put(content, as: key)
        try logPresence()
        #expect(try stock.annex("fsck", "--all", in: fixture.git).status == 0)
    }
}
