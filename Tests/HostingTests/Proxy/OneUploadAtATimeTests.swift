import AnnexProtocol
import Locations
import NIOCore
import Synchronization
import TestKit
import Testing

@testable import Hosting

/// Two uploads of one key to a remote, of which the slow one gives way and the quick one breaks off.
@Suite(.timeLimit(.minutes(10))) struct OneUploadAtATimeTests {
    private let bytes: [UInt8] = (0..<1000).map { UInt8(truncatingIfNeeded: $0 * 7) }
    private let key: Key

    init() throws { key = try Key(parsing: "URL-s1000--x") }

    private static let impatient = KeyTurns.Patience(window: .milliseconds(200), minimumProgress: 1 << 20)

    private func place(_ target: Target, settling: Duration = .seconds(20)) -> OneUploadAtATime {
        OneUploadAtATime(target: target, turns: KeyTurns(patience: Self.impatient), settling: settling)
    }

    private func upload(_ sender: Sender) -> Upload {
        Upload(client: [], associatedFile: nil, offset: 0, length: Int64(bytes.count), body: sender)
    }

    @Test("the slow one goes on at the remote where it was", arguments: [0, 50, 400])
    func goesOn(quickBytes: Int) async throws {
        let (target, slow, quick) = (Target(size: 1000), Sender(), Sender())
        let (place, key) = (place(target), key)
        slow.give(bytes[..<100])
        let first = Task { [upload = upload(slow)] in try await place.store(key, from: upload) }
        try await wait(for: "bytes at the target") { target.content.count == 100 }
        let second = Task { [upload = upload(quick)] in try await place.store(key, from: upload) }
        try await wait(for: "the second upload") { target.offsets.count == 2 }
        quick.give(bytes[..<quickBytes])
        try await wait(for: "bytes at the target") { target.content.count == max(100, quickBytes) }
        quick.end(.broken)
        slow.give(bytes[100...])
        slow.end(.end)
        #expect(try await first.value == .stored(at: [target.uuid]))
        _ = try await second.value
        #expect(target.content == bytes)
        #expect(target.offsets.prefix(3) == [0, 0, 100])
    }

    @Test("an upload that waits for the end of its body has its last byte sent again")
    func lastByte() async throws {
        let (target, slow, quick) = (Target(size: 1000, holdsBackLast: true), Sender(), Sender())
        let (place, key) = (place(target), key)
        slow.give(bytes[...])
        let first = Task { [upload = upload(slow)] in try await place.store(key, from: upload) }
        try await wait(for: "bytes at the target") { target.content.count == 999 }
        let second = Task { [upload = upload(quick)] in try await place.store(key, from: upload) }
        try await wait(for: "the second upload") { target.offsets.count == 2 }
        quick.end(.broken)
        slow.end(.end)
        #expect(try await first.value == .stored(at: [target.uuid]))
        _ = try await second.value
        #expect(target.content == bytes)
        #expect(target.offsets.prefix(3) == [0, 0, 999])
    }

    @Test("where the remote has lost what was sent, nothing is made up")
    func lost() async throws {
        let (target, slow, quick) = (Target(size: 1000, forgets: true), Sender(), Sender())
        let (place, key) = (place(target, settling: .milliseconds(300)), key)
        slow.give(bytes[..<100])
        let first = Task { [upload = upload(slow)] in try await place.store(key, from: upload) }
        try await wait(for: "bytes at the target") { target.content.count == 100 }
        let second = Task { [upload = upload(quick)] in try await place.store(key, from: upload) }
        try await wait(for: "the second upload") { target.offsets.count == 2 }
        quick.end(.broken)
        slow.give(bytes[100...])
        slow.end(.end)
        guard case .notStored = try await first.value else {
            Issue.record("stored")
            return
        }
        _ = try await second.value
        #expect(target.offsets.allSatisfy { $0 == 0 })
    }
}

/// The body of an upload that a test sends bit by bit.
private final class Sender: UploadBody {
    private let chunks = Mutex<[UploadChunk]>([])

    func give(_ bytes: ArraySlice<UInt8>) { chunks.withLock { $0.append(.bytes(ByteBuffer(bytes: bytes))) } }

    func end(_ chunk: UploadChunk) { chunks.withLock { $0.append(chunk) } }

    func next() async throws -> UploadChunk {
        while true {
            let chunk: UploadChunk? = chunks.withLock { chunks in
                // How the body ended is told again and again.
                guard case .bytes? = chunks.first else { return chunks.first }
                return chunks.removeFirst()
            }
            if let chunk { return chunk }
            // As the bodies of requests do it: a cancelled pull takes nothing.
            if Task.isCancelled { return .broken }
            try? await Task.sleep(for: .milliseconds(2))
        }
    }
}

/// A remote that keeps what an upload that breaks off has sent, as git-annex does.
private final class Target: ContentLocation {
    private struct State {
        var content: [UInt8] = []
        var isPresent = false
        var offsets: [UInt64] = []
    }

    private let size: Int
    private let holdsBackLast: Bool
    private let forgets: Bool
    private let state = Mutex(State())
    let uuid = RepositoryUUID.random()
    let traits = LocationTraits(takesUploadsOfOneKeyAtOnce: false)

    /// - Parameter holdsBackLast: the last byte is taken only at the end of the body.
    /// - Parameter forgets: it keeps nothing.
    init(size: Int, holdsBackLast: Bool = false, forgets: Bool = false) {
        self.size = size
        self.holdsBackLast = holdsBackLast
        self.forgets = forgets
    }

    var content: [UInt8] { state.withLock { $0.content } }
    /// Where uploads began, in order.
    var offsets: [UInt64] { state.withLock { $0.offsets } }

    func store(_ key: Key, from upload: Upload) async throws -> StoreOutcome {
        state.withLock { $0.offsets.append(upload.offset) }
        var position = Int(upload.offset)
        guard position <= content.count else { return .notStored(reason: "beyond the end") }
        var heldBack: UInt8?
        while true {
            switch try await upload.body.next() {
            case .bytes(let piece):
                var new = Array(piece.readableBytesView)
                if holdsBackLast, position + new.count == size { heldBack = new.removeLast() }
                position = append(new, at: position)
            case .end:
                if let heldBack { position = append([heldBack], at: position) }
                guard position == size else { return .notStored(reason: "\(position) bytes") }
                state.withLock { $0.isPresent = true }
                return .stored(at: [uuid])
            case .broken:
                if forgets { state.withLock { $0.content = [] } }
                return .notStored(reason: "broken")
            }
        }
    }

    /// What is there already is skipped; answers the new position.
    private func append(_ new: [UInt8], at position: Int) -> Int {
        state.withLock { state in
            state.content += new.dropFirst(state.content.count - position)
            return position + new.count
        }
    }

    func partial(of key: Key, for client: [UInt8]) async throws -> PartialContent {
        state.withLock { $0.isPresent ? .alreadyPresent(at: [uuid]) : .bytes(UInt64($0.content.count)) }
    }

    func isPresent(_ key: Key) async throws -> Bool { state.withLock { $0.isPresent } }
    func open(_ key: Key, for reading: Reading) async throws -> Content? { nil }
    func confirm(_ key: Key) async throws -> StoreOutcome { .notStored(reason: "") }
    func lock(_ key: Key) async throws -> (any HeldLock)? { nil }
    func remove(_ key: Key, before deadline: BootSeconds?) async throws -> RemovalOutcome {
        .notRemoved(reason: "")
    }
}
