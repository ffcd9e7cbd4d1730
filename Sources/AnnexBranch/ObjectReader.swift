import GitHost
import Synchronization
import SystemPackage

/// Reads git objects by name through one long-running `cat-file --batch`, which ends by itself when unused.
actor ObjectReader {
    private let command: GitCommand
    private let sizeLimit: Int
    private let idleTime: Duration
    private var session: ObjectSession?
    private var lastUse = ContinuousClock.now

    /// Objects come within milliseconds, or seconds from a slow disk; and many wait for them.
    private static let patience = Duration.seconds(60)

    /// - Parameter environment: variables by which git finds objects elsewhere.
    init(gitDirectory: FilePath, sizeLimit: Int, idleTime: Duration, environment: [(String, String)] = []) {
        command = environment.reduce(GitCommand(["cat-file", "--batch"], in: gitDirectory)) {
            $0.environment($1.0, $1.1)
        }.silent(atMost: Self.patience)
        self.sizeLimit = sizeLimit
        self.idleTime = idleTime
    }

    /// What git has under each name, in order. Names hold no LF. The caller sees to it that memory holds it all.
    func read(_ names: [[UInt8]]) async throws -> [ObjectReply] { try await map(names) { $0 } }

    /// What `transform` makes of each object, in order; only one object is in memory at a time.
    func map<Result: Sendable>(
        _ names: [[UInt8]], _ transform: @escaping @Sendable (ObjectReply) -> Result
    ) async throws -> [Result] {
        if names.isEmpty { return [] }
        guard names.allSatisfy({ !$0.contains(10) }) else {
            throw AnnexBranchError(code: .unexpectedContent, message: "object name with a line break")
        }
        // A process that ended while it was idle (killed, or out of memory) is replaced once. So is one that hung at
        // what somebody else had asked for; but what hung itself would do so again.
        if let session {
            do {
                let replies = try await session.map(names, transform)
                lastUse = .now
                return replies
            } catch let error as GitError where error.code == .timedOut {
                throw error
            } catch {}
        }
        let fresh = ObjectSession(command, sizeLimit: sizeLimit)
        session?.end()
        session = fresh
        lastUse = .now
        closeWhenIdle(fresh)
        let replies = try await fresh.map(names, transform)
        lastUse = .now
        return replies
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

/// What git has under a name.
enum ObjectReply: Sendable {
    case missing
    case object(id: [UInt8], type: [UInt8], content: [UInt8])
    /// Larger than the limit; its content was skipped.
    case tooLarge(id: [UInt8], size: Int)

    /// The content, if this is a blob.
    func blob(_ name: @autoclosure () -> String) throws -> [UInt8]? {
        switch self {
        case .missing: return nil
        case .object(_, let type, let content) where type.elementsEqual("blob".utf8): return content
        case .object: throw AnnexBranchError.unfit("\"\(name())\" in the branch is no file")
        case .tooLarge(_, let size): throw AnnexBranchError.unfit("\"\(name())\" in the branch has \(size) bytes")
        }
    }
}

/// One `cat-file --batch` process and the requests to it, answered in order.
private final class ObjectSession: Sendable {
    private struct Request: Sendable {
        var names: [[UInt8]]
        /// Takes each reply, in order.
        var take: @Sendable (ObjectReply) -> Void
        var done: CheckedContinuation<Void, any Error>
    }

    private let requests: AsyncStream<Request>.Continuation

    /// The process and the task that serves it live until ``end()``.
    init(_ command: GitCommand, sizeLimit: Int) {
        let (stream, continuation) = AsyncStream<Request>.makeStream()
        requests = continuation
        Task {
            let ended = AnnexBranchError(code: .failed, message: "git cat-file ended")
            var failure: any Error = ended
            let current = Mutex<Request?>(nil)
            do {
                _ = try await command.stream { process in
                    var output = ObjectOutput(process)
                    for await request in stream {
                        current.withLock { $0 = request }
                        try await Self.serve(request, process, &output, sizeLimit)
                        if let served = current.withLock({ $0.take() }) { served.done.resume() }
                    }
                    try await process.finish()
                    try await output.drain()
                }
            } catch {
                failure = error
            }
            continuation.finish()
            if let asked = current.withLock({ $0.take() }) { asked.done.resume(throwing: failure) }
            for await request in stream { request.done.resume(throwing: ended) }
        }
    }

    func map<Result: Sendable>(
        _ names: [[UInt8]], _ transform: @escaping @Sendable (ObjectReply) -> Result
    ) async throws -> [Result] {
        let results = Mutex<[Result]>([])
        try await withCheckedThrowingContinuation { done in
            let request = Request(
                names: names, take: { reply in results.withLock { $0.append(transform(reply)) } }, done: done)
            if case .enqueued = requests.yield(request) { return }
            done.resume(throwing: AnnexBranchError(code: .failed, message: "git cat-file ended"))
        }
        return results.withLock { $0 }
    }

    /// Ends the process after the requests before this one.
    func end() { requests.finish() }

    private static func serve(
        _ request: Request, _ process: GitProcess, _ output: inout ObjectOutput, _ sizeLimit: Int
    ) async throws {
        let input = ObjectReader.lines(request.names)
        async let written = process.write(input)
        for _ in request.names { request.take(try await reply(from: &output, sizeLimit)) }
        _ = try await written
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
