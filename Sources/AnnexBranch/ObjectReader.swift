import GitHost
import Synchronization
import SystemPackage

/// Reads git objects by name through one long-running `cat-file`, which ends by itself when unused.
actor ObjectReader {
    private let gitDirectory: FilePath
    private let environment: [(String, String)]
    /// Asks in the words of `--batch-command` (git 2.36), which tells about objects without their content as well.
    private var dialect: Dialect?
    private let sizeLimit: Int
    private let idleTime: Duration
    private var session: ObjectSession?
    private var lastUse = ContinuousClock.now

    /// - Parameter environment: variables by which git finds objects elsewhere.
    init(gitDirectory: FilePath, sizeLimit: Int, idleTime: Duration, environment: [(String, String)] = []) {
        self.gitDirectory = gitDirectory
        self.environment = environment
        self.sizeLimit = sizeLimit
        self.idleTime = idleTime
    }

    /// What git has under each name, in order. Names hold no LF. The caller sees to it that memory holds it all.
    func read(_ names: [[UInt8]]) async throws -> [ObjectReply] { try await map(names) { $0 } }

    /// What `transform` makes of each object, in order; only one object is in memory at a time.
    func map<Result: Sendable>(
        _ names: [[UInt8]], _ transform: @escaping @Sendable (ObjectReply) -> Result
    ) async throws -> [Result] {
        try await ask(.contents, names, transform)
    }

    /// What git knows about each object without its content, in order; nil where there is none.
    func information(_ names: [[UInt8]]) async throws -> [ObjectInfo?] {
        if try await spoken == .names {
            let command = command(["cat-file", "--batch-check=%(objectname) %(objecttype) %(objectsize)"])
            let lines = try await command.output(input: Self.lines(names)).split(separator: 10)
            guard lines.count == names.count else {
                throw AnnexBranchError(code: .unexpectedContent, message: "git cat-file answered \(lines.count) lines")
            }
            return lines.map { ObjectInfo($0) }
        }
        return try await ask(.info, names) { $0.info }
    }

    private func ask<Result: Sendable>(
        _ question: ObjectSession.Question, _ names: [[UInt8]],
        _ transform: @escaping @Sendable (ObjectReply) -> Result
    ) async throws -> [Result] {
        if names.isEmpty { return [] }
        guard names.allSatisfy({ !$0.contains(10) }) else {
            throw AnnexBranchError(code: .unexpectedContent, message: "object name with a line break")
        }
        // A process that ended while it was idle (killed, or out of memory) is replaced once.
        if let session, let replies = try? await session.map(question, names, transform) {
            lastUse = .now
            return replies
        }
        let spoken = try await spoken
        let arguments = spoken == .names ? ["--batch"] : ["--batch-command", "--buffer"]
        let fresh = ObjectSession(command(["cat-file"] + arguments), spoken, sizeLimit: sizeLimit)
        session?.end()
        session = fresh
        lastUse = .now
        closeWhenIdle(fresh)
        let replies = try await fresh.map(question, names, transform)
        lastUse = .now
        return replies
    }

    private func command(_ arguments: [String]) -> GitCommand {
        environment.reduce(GitCommand(arguments, in: gitDirectory)) { $0.environment($1.0, $1.1) }
    }

    /// How git is asked.
    enum Dialect: Sendable {
        /// A name is a question for the content.
        case names
        /// `contents NAME`, `info NAME`, and `flush` when the answers are wanted: they come in large pieces.
        case commands
    }

    private var spoken: Dialect {
        get async throws {
            if let dialect { return dialect }
            let known: Dialect = try await GitVersion.current.isAtLeast(2, 36) ? .commands : .names
            dialect = known
            return known
        }
    }

    /// Names as git reads them, one a line.
    static func lines(_ names: [[UInt8]]) -> [UInt8] {
        var result: [UInt8] = []
        for name in names {
            result += name
            result.append(10)
        }
        return result
    }

    func close() {
        session?.end()
        session = nil
    }

    /// Nobody waits for this task: it ends with its session, at most one idle time after the last use.
    private func closeWhenIdle(_ watched: ObjectSession) {
        Task { [idleTime, weak self] in
            repeat {
                try? await Task.sleep(for: idleTime)
            } while await self?.isInUse(watched) ?? false
            watched.end()
        }
    }

    private func isInUse(_ watched: ObjectSession) -> Bool {
        guard session === watched else { return false }
        if ContinuousClock.now < lastUse + idleTime { return true }
        session = nil
        return false
    }
}

/// What git knows about an object without its content.
struct ObjectInfo: Sendable {
    /// In hexadecimal.
    var id: String
    var type: Substring
    var size: Int

    /// Reads `ID TYPE SIZE`; nil for `NAME missing`.
    init?(_ line: some Collection<UInt8>) {
        if line.suffix(8).elementsEqual(" missing".utf8) { return nil }
        let words = String(decoding: line, as: UTF8.self).split(separator: " ")
        guard words.count == 3, let size = Int(words[2]) else { return nil }
        self.init(id: String(words[0]), type: words[1], size: size)
    }

    init(id: String, type: Substring, size: Int) {
        self.id = id
        self.type = type
        self.size = size
    }
}

/// What git has under a name.
enum ObjectReply: Sendable {
    case missing
    case object(id: [UInt8], type: [UInt8], content: [UInt8])
    /// Larger than the limit; its content was skipped.
    case tooLarge(id: [UInt8], size: Int)
    /// The content was not asked for.
    case described(ObjectInfo)

    var info: ObjectInfo? { if case .described(let info) = self { info } else { nil } }

    /// The content, if this is a blob.
    func blob(_ name: @autoclosure () -> String) throws -> [UInt8]? {
        switch self {
        case .missing: return nil
        case .object(_, let type, let content) where type.elementsEqual("blob".utf8): return content
        case .object, .described: throw AnnexBranchError.unfit("\"\(name())\" in the branch is no file")
        case .tooLarge(_, let size): throw AnnexBranchError.unfit("\"\(name())\" in the branch has \(size) bytes")
        }
    }
}

/// One `cat-file` process and the requests to it, answered in order.
private final class ObjectSession: Sendable {
    enum Question: String, Sendable { case contents, info }

    private struct Request: Sendable {
        var question: Question
        var names: [[UInt8]]
        /// Takes each reply, in order.
        var take: @Sendable (ObjectReply) -> Void
        var done: CheckedContinuation<Void, any Error>
    }

    private let requests: AsyncStream<Request>.Continuation

    /// The process and the task that serves it live until ``end()``.
    init(_ command: GitCommand, _ dialect: ObjectReader.Dialect, sizeLimit: Int) {
        let (stream, continuation) = AsyncStream<Request>.makeStream()
        requests = continuation
        Task {
            var failure: any Error = AnnexBranchError(code: .failed, message: "git cat-file ended")
            do {
                _ = try await command.stream { process in
                    var output = ObjectOutput(process)
                    for await request in stream { try await Self.serve(request, dialect, process, &output, sizeLimit) }
                    try await process.finish()
                    try await output.drain()
                }
            } catch {
                failure = error
            }
            continuation.finish()
            for await request in stream { request.done.resume(throwing: failure) }
        }
    }

    func map<Result: Sendable>(
        _ question: Question, _ names: [[UInt8]], _ transform: @escaping @Sendable (ObjectReply) -> Result
    ) async throws -> [Result] {
        let results = Mutex<[Result]>([])
        try await withCheckedThrowingContinuation { done in
            let request = Request(
                question: question, names: names,
                take: { reply in results.withLock { $0.append(transform(reply)) } }, done: done)
            if case .enqueued = requests.yield(request) { return }
            done.resume(throwing: AnnexBranchError(code: .failed, message: "git cat-file ended"))
        }
        return results.withLock { $0 }
    }

    /// Ends the process after the requests before this one.
    func end() { requests.finish() }

    private static func serve(
        _ request: Request, _ dialect: ObjectReader.Dialect, _ process: GitProcess, _ output: inout ObjectOutput,
        _ sizeLimit: Int
    ) async throws {
        do {
            async let written = process.write(input(for: request, dialect))
            for _ in request.names {
                switch request.question {
                case .contents: request.take(try await reply(from: &output, sizeLimit))
                case .info: request.take(try await description(from: &output))
                }
            }
            _ = try await written
            request.done.resume()
        } catch {
            request.done.resume(throwing: error)
            throw error
        }
    }

    private static func input(for request: Request, _ dialect: ObjectReader.Dialect) -> [UInt8] {
        if dialect == .names { return ObjectReader.lines(request.names) }
        let command = Array("\(request.question.rawValue) ".utf8)
        var result: [UInt8] = []
        for name in request.names {
            result += command
            result += name
            result.append(10)
        }
        return result + Array("flush\n".utf8)
    }

    private static func description(from output: inout ObjectOutput) async throws -> ObjectReply {
        guard let line = try await output.record(endingWith: 10) else {
            throw AnnexBranchError(code: .failed, message: "git cat-file ended")
        }
        return ObjectInfo(line).map { .described($0) } ?? .missing
    }

    /// In bytes; no push brings a larger one.
    private static let largestSkipped = 1 << 36

    /// Answers are `ID TYPE SIZE LF content LF`, or `NAME missing LF`.
    private static func reply(from output: inout ObjectOutput, _ sizeLimit: Int) async throws -> ObjectReply {
        guard let line = try await output.record(endingWith: 10) else {
            throw AnnexBranchError(code: .failed, message: "git cat-file ended")
        }
        if line.suffix(8).elementsEqual(" missing".utf8) { return .missing }
        let words = line.split(separator: 32)
        guard words.count == 3, let size = Int(String(decoding: words[2], as: UTF8.self)) else {
            throw AnnexBranchError(
                code: .unexpectedContent, message: "git cat-file answered \"\(String(decoding: line, as: UTF8.self))\"")
        }
        if size > sizeLimit {
            // Attack: a broken object may claim any size, and git prints fewer bytes then. Nobody waits for so many.
            if size > Self.largestSkipped {
                throw AnnexBranchError.unfit("an object claims to have \(size) bytes")
            }
            try await output.skip(size)
            try await output.skip(1)
            return .tooLarge(id: Array(words[0]), size: size)
        }
        let content = try await output.bytes(size)
        try await output.skip(1)
        return .object(id: Array(words[0]), type: Array(words[1]), content: content)
    }
}
