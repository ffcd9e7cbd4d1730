import Foundation
import Synchronization

/// Many clients that misbehave, each in one of the ways that networks and people know.
///
/// Whoever runs it looks at the server afterwards: nothing may be left but what the server promised.
public final class Storm: Sendable {
    /// A way to begin something and not to end it.
    public enum Interruption: CaseIterable, Sendable {
        case getAndReset, getAndVanish, getAndStall, halfHead, tricklingHead, silence, nonsense
        case putAndReset, putAndHalfClose, putTooShort, putTooLong, putAfterContinue, putAndStall
        case lockUnheard, lockAndVanish, keepLockedAndReset, keepLockedGarbage, lockAndUnlock
        case fetchAndReset, fetchAndVanish, refsAndReset, pushAndReset, pushAndHalfClose
        case removeAndReset, checkAndReset, putOffsetAndReset
    }

    /// What the storm needs of the repository.
    public struct Targets: Sendable {
        /// Large content to get.
        public var content: String
        /// Content to lock: for locks whose id arrives, and for those whose answer nobody reads.
        public var locked: String, unheard: String
        /// Content that is never stored whole, by its keys, and its bytes.
        public var uploads: [(key: String, bytes: [UInt8])]
        /// A commit to fetch.
        public var commit: String

        public init(
            content: String, locked: String, unheard: String, uploads: [(key: String, bytes: [UInt8])], commit: String
        ) {
            self.content = content
            self.locked = locked
            self.unheard = unheard
            self.uploads = uploads
            self.commit = commit
        }
    }

    private let p2p: P2PCalls
    private let targets: Targets
    /// Locks that were promised and not given back.
    public var promises: Int { promised.load(ordering: .relaxed) }
    private let promised = Atomic(0)
    private let failures = Mutex<[String]>([])

    public init(_ p2p: P2PCalls, _ targets: Targets) {
        self.p2p = p2p
        self.targets = targets
    }

    /// What went wrong on the way, such as refused connections.
    public var troubles: [String] { failures.withLock { $0 } }

    /// Interrupts `count` times, in all ways in turn, from several threads at once.
    public func rage(_ count: Int, threads: Int = 8) {
        let next = Atomic(0)
        DispatchQueue.concurrentPerform(iterations: threads) { _ in
            while true {
                let number = next.add(1, ordering: .relaxed).oldValue
                guard number < count else { return }
                let ways = Interruption.allCases
                let way = ways[number % ways.count]
                do {
                    try interrupt(way, number)
                } catch {
                    failures.withLock { $0.append("\(way): \(error)") }
                }
            }
        }
    }

    private func connect(receiveBuffer: Int32? = nil) throws -> RawConnection {
        try RawConnection(port: p2p.http.port, timeout: 30, receiveBuffer: receiveBuffer)
    }

    private func head(_ method: String, _ target: String, _ fields: [String] = []) -> String {
        ([("\(method) \(target) HTTP/1.1"), "Host: storm"] + fields).joined(separator: "\r\n") + "\r\n\r\n"
    }

    private func post(_ action: String, _ query: [(String, String)] = []) -> String {
        head("POST", p2p.target(action, query), ["Content-Length: 0"])
    }

    private func interrupt(_ way: Interruption, _ number: Int) throws {
        switch way {
        case .getAndReset, .getAndVanish, .getAndStall: try get(way)
        case .halfHead, .tricklingHead, .silence, .nonsense: try begin(way)
        case .putAndReset, .putAndHalfClose, .putTooShort, .putTooLong, .putAfterContinue, .putAndStall:
            try put(way, number)
        case .lockUnheard, .lockAndVanish, .keepLockedAndReset, .keepLockedGarbage, .lockAndUnlock: try lock(way)
        case .fetchAndReset, .fetchAndVanish, .refsAndReset: try fetch(way)
        case .pushAndReset, .pushAndHalfClose: try push(way)
        case .removeAndReset: try send(post("remove", [("key", "SHA256-s1--absent\(number)")]), andReset: true)
        case .checkAndReset: try send(post("checkpresent", [("key", targets.content)]), andReset: true)
        case .putOffsetAndReset:
            let upload = targets.uploads[number % targets.uploads.count]
            try send(post("putoffset", [("key", upload.key)]), andReset: true)
        }
    }

    private func send(_ text: String, andReset resets: Bool) throws {
        let connection = try connect()
        try connection.send(text)
        if resets { connection.reset() } else { connection.close() }
    }

    private func get(_ way: Interruption) throws {
        let connection = try connect(receiveBuffer: way == .getAndStall ? 4096 : nil)
        try connection.send(head("GET", p2p.target("key/\(percentEncoded(targets.content))")))
        switch way {
        case .getAndReset:
            _ = try connection.readReply(bodyLimit: 10)
            connection.reset()
        case .getAndStall:
            usleep(20_000)
            connection.close()
        default: connection.close()
        }
    }

    private func begin(_ way: Interruption) throws {
        let connection = try connect()
        switch way {
        case .halfHead:
            try connection.send("GET /team/data/config HTTP/1.1\r\nHost: sto")
            connection.reset()
        case .tricklingHead:
            for piece in ["G", "E", "T", " ", "/"] {
                try connection.send(piece)
                usleep(2000)
            }
            connection.close()
        case .nonsense:
            try connection.send("\u{16}\u{3}\u{1}nonsense\r\n\r\n")
            _ = try? connection.readReply()
            connection.close()
        default: connection.close()
        }
    }

    private func put(_ way: Interruption, _ number: Int) throws {
        let (key, bytes) = targets.uploads[number % targets.uploads.count]
        let half = Array(bytes.prefix(bytes.count / 2))
        if way == .putAfterContinue {
            let connection = try connect()
            try connection.send(
                head(
                    "POST", p2p.target("put", [("key", key), ("associatedfile", "")]),
                    [
                        "Content-Length: \(bytes.count)", "X-git-annex-data-length: \(bytes.count)",
                        "Expect: 100-continue",
                    ]))
            connection.reset()
            return
        }
        let connection = try p2p.beginPut(key, part: way == .putTooLong ? bytes : half, declared: bytes.count)
        switch way {
        case .putAndHalfClose:
            connection.shutdownWrite()
            _ = try? connection.readReply()
            connection.close()
        case .putTooShort:
            try connection.sendLastChunk()
            connection.close()
        case .putTooLong:
            // The server may have said no already.
            _ = try? connection.sendChunk([0])
            _ = try? connection.sendLastChunk()
            connection.close()
        case .putAndStall:
            usleep(20_000)
            connection.close()
        default: connection.reset()
        }
    }

    private func lock(_ way: Interruption) throws {
        if way == .lockUnheard { return try send(post("lockcontent", [("key", targets.unheard)]), andReset: true) }
        guard let id = try p2p.lock(targets.locked) else { throw TestKitError(.malformed, "no lock") }
        promised.add(1, ordering: .relaxed)
        if way == .lockAndVanish { return }
        let connection = try p2p.keepLocked(id)
        try connection.sendChunk(Array("{\"unlock\":false}\n".utf8))
        switch way {
        case .keepLockedAndReset: connection.reset()
        case .keepLockedGarbage:
            try connection.sendChunk(Array("garbage\n".utf8))
            connection.close()
        default:
            try connection.sendChunk(Array("{\"unlock\":true}\n".utf8))
            try connection.sendLastChunk()
            _ = try connection.readReply()
            promised.subtract(1, ordering: .relaxed)
        }
    }

    private func fetch(_ way: Interruption) throws {
        let connection = try connect()
        if way == .refsAndReset {
            try connection.send(head("GET", "\(p2p.prefix).git/info/refs?service=git-upload-pack"))
            return connection.reset()
        }
        let want = "want \(targets.commit)\n"
        let body = packet("command=fetch") + "0001" + packet(want) + packet("done\n") + "0000"
        try connection.send(
            head(
                "POST", "\(p2p.prefix).git/git-upload-pack",
                [
                    "Content-Type: application/x-git-upload-pack-request", "Git-Protocol: version=2",
                    "Content-Length: \(body.utf8.count)",
                ]) + body)
        if way == .fetchAndReset {
            _ = try connection.readReply(bodyLimit: 10)
            connection.reset()
        } else {
            connection.close()
        }
    }

    private func push(_ way: Interruption) throws {
        let connection = try connect()
        let command =
            "\(String(repeating: "0", count: 40)) \(targets.commit) refs/heads/storm\0 report-status side-band-64k"
        try connection.send(
            head(
                "POST", "\(p2p.prefix).git/git-receive-pack",
                ["Content-Type: application/x-git-receive-pack-request", "Transfer-Encoding: chunked"]))
        // A pack that says it has a thousand objects, and ends after its head.
        try connection.sendChunk(Array((packet(command) + "0000PACK").utf8) + [0, 0, 0, 2, 0, 0, 3, 0xe8])
        if way == .pushAndReset {
            connection.reset()
        } else {
            connection.shutdownWrite()
            _ = try? connection.readReply()
            connection.close()
        }
    }

    private func packet(_ text: String) -> String {
        let length = String(text.utf8.count + 4, radix: 16)
        return String(repeating: "0", count: 4 - length.count) + length + text
    }
}

extension Storm {
    /// How a crowd was served: answers that were whole and right, and the status of all others.
    public struct Crowd: Sendable {
        public var complete = 0
        public var other: [Int] = []
    }

    /// Sends `count` requests, all of them at the same time, each on a connection of its own.
    public static func crowd(
        _ count: Int, on port: Int, target: String, isRight: @escaping @Sendable (HTTPReply) -> Bool
    ) -> Crowd {
        let result = Mutex(Crowd())
        let threads = (0..<count).map { _ in
            let done = DispatchSemaphore(value: 0)
            let thread = Thread {
                let reply = try? HTTPClient(port: port).request("GET", target, timeout: 120)
                result.withLock { crowd in
                    if let reply, reply.status == 200, isRight(reply) {
                        crowd.complete += 1
                    } else {
                        crowd.other.append(reply?.status ?? 0)
                    }
                }
                done.signal()
            }
            thread.start()
            return done
        }
        for done in threads { done.wait() }
        return result.withLock { $0 }
    }
}
