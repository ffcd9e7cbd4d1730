public import AnnexProtocol
import FileIO
public import Locations
import NIOCore
import Synchronization

/// A place that keeps content in memory, as a repository would keep it on its disk, and does what a test tells it
/// besides: fails, claims, waits. It judges nothing: what a body brings up to its end is stored, unless its end says
/// that it is wrong.
public final class FakeLocation: ContentLocation {
    public enum Operation: Hashable, Sendable { case isPresent, open, partial, store, confirm, remove, lock }

    /// What a test may change at any time.
    public struct Script: Sendable {
        /// Thrown by every operation that is in it.
        public var failures: [Operation: LocationError] = [:]
        /// Others of whom it says that they have, or have lost, the content as well.
        public var others: [RepositoryUUID] = []
        /// Whether content can be removed.
        public var isLocked = false
        /// Whether it keeps nothing of an upload that breaks off.
        public var forgets = false
        /// Whether the last byte is taken only at the end of a body.
        public var holdsBackLast = false
        /// What happens after an operation has done its work and before it returns.
        public var meanwhile: (@Sendable (Operation) async throws -> Void)?
    }

    private struct State {
        var whole: [Key: [UInt8]] = [:]
        var parts: [Key: [UInt8]] = [:]
        var offsets: [UInt64] = []
        var proofs: [Proof] = []
        var asked: [Operation] = []
        var locks = 0
        var script = Script()
    }

    public let uuid: RepositoryUUID
    public let traits: LocationTraits
    private let state = Mutex(State())

    public init(_ uuid: RepositoryUUID = .random(), traits: LocationTraits = LocationTraits()) {
        self.uuid = uuid
        self.traits = traits
    }

    // MARK: For tests

    public var script: Script {
        get { state.withLock { $0.script } }
        set { state.withLock { $0.script = newValue } }
    }

    /// What is stored, and what an upload has brought so far.
    public subscript(key: Key) -> [UInt8]? {
        get { state.withLock { $0.whole[key] } }
        set { state.withLock { $0.whole[key] = newValue } }
    }

    public func part(of key: Key) -> [UInt8] { state.withLock { $0.parts[key] ?? [] } }
    /// Where uploads began, in order.
    public var offsets: [UInt64] { state.withLock { $0.offsets } }
    /// What the ends of bodies told, in order.
    public var proofs: [Proof] { state.withLock { $0.proofs } }
    /// What was asked, in order.
    public var asked: [Operation] { state.withLock { $0.asked } }
    /// Locks that are held.
    public var locks: Int { state.withLock { $0.locks } }

    // MARK: What it is asked

    public func isPresent(_ key: Key) async throws -> Bool {
        try begin(.isPresent)
        let found = self[key] != nil
        try await end(.isPresent)
        return found
    }

    public func open(_ key: Key, for reading: Reading) async throws -> Content? {
        try begin(.open)
        let bytes = self[key]
        try await end(.open)
        return bytes.map { Content(size: UInt64($0.count), source: .stream(FakeContent($0))) }
    }

    public func partial(of key: Key, for client: [UInt8]) async throws -> PartialContent {
        try begin(.partial)
        let partial: PartialContent =
            self[key] != nil ? .alreadyPresent(at: places) : .bytes(UInt64(part(of: key).count))
        try await end(.partial)
        return partial
    }

    public func store(_ key: Key, from upload: Upload) async throws -> StoreOutcome {
        try begin(.store)
        state.withLock { $0.offsets.append(upload.offset) }
        let outcome = try await receive(key, upload)
        try await end(.store)
        return outcome
    }

    private func receive(_ key: Key, _ upload: Upload) async throws -> StoreOutcome {
        guard upload.offset <= UInt64(part(of: key).count) else { return .notStored(reason: "beyond the end") }
        let size = upload.offset + UInt64(max(0, upload.length))
        var position = Int(upload.offset)
        var last: UInt8?
        while true {
            switch try await upload.body.next() {
            case .bytes(let piece):
                var new = Array(piece.readableBytesView)
                if script.holdsBackLast, position + new.count == size { last = new.removeLast() }
                position = append(new, at: position, of: key)
            case .end(let proof):
                state.withLock { $0.proofs.append(proof) }
                if let last { position = append([last], at: position, of: key) }
                guard position == size, proof != .wrong else {
                    if proof == .wrong { state.withLock { $0.parts[key] = nil } }
                    return .notStored(reason: proof == .wrong ? "wrong content" : "\(position) bytes")
                }
                state.withLock { $0.whole[key] = $0.parts.removeValue(forKey: key) ?? [] }
                return .stored(at: places)
            case .broken:
                if script.forgets { state.withLock { $0.parts[key] = nil } }
                return .notStored(reason: "broken")
            }
        }
    }

    /// What is there already is skipped; returns the new position.
    private func append(_ new: [UInt8], at position: Int, of key: Key) -> Int {
        state.withLock { state in
            let here = state.parts[key]?.count ?? 0
            state.parts[key, default: []] += new.dropFirst(here - position)
            return position + new.count
        }
    }

    public func confirm(_ key: Key) async throws -> StoreOutcome {
        try begin(.confirm)
        let outcome: StoreOutcome = self[key] != nil ? .stored(at: places) : .notStored(reason: "it is not here")
        try await end(.confirm)
        return outcome
    }

    public func remove(_ key: Key, before deadline: BootSeconds?) async throws -> RemovalOutcome {
        try begin(.remove)
        if let deadline, BootSeconds.now >= deadline { return .notRemoved(reason: "too late") }
        let isKept = state.withLock { state in
            if state.script.isLocked || state.locks > 0 { return true }
            state.whole[key] = nil
            return false
        }
        try await end(.remove)
        return isKept ? .notRemoved(reason: "locked", from: script.others) : .removed(from: places)
    }

    public func lock(_ key: Key) async throws -> (any HeldLock)? {
        try begin(.lock)
        guard traits.locks, self[key] != nil else { return nil }
        state.withLock { $0.locks += 1 }
        try await end(.lock)
        return FakeLock(self)
    }

    fileprivate func unlock() { state.withLock { $0.locks -= 1 } }

    private var places: [RepositoryUUID] { [uuid] + script.others }

    private func begin(_ operation: Operation) throws {
        try state.withLock { state in
            state.asked.append(operation)
            if let failure = state.script.failures[operation] { throw failure }
        }
    }

    private func end(_ operation: Operation) async throws { try await script.meanwhile?(operation) }
}

private final class FakeLock: HeldLock {
    private let location: FakeLocation
    private let isHeld = Atomic(true)

    init(_ location: FakeLocation) { self.location = location }

    func release() async { if isHeld.exchange(false, ordering: .relaxed) { location.unlock() } }
    func extend(protectedUntil deadline: Int64) async -> Bool { isHeld.load(ordering: .relaxed) }
    func detach(protectedUntil deadline: Int64) async {}
}

private struct FakeContent: StreamedContent {
    let content: [UInt8]

    init(_ content: [UInt8]) { self.content = content }

    func bytes(from offset: UInt64) async throws -> any ContentBytes {
        FakeBytes(Array(content.dropFirst(Int(clamping: offset))))
    }
}

private final class FakeBytes: ContentBytes {
    private let left: Mutex<ArraySlice<UInt8>>

    init(_ bytes: [UInt8]) { left = Mutex(bytes[...]) }

    func next() async throws -> ByteBuffer? {
        left.withLock { left in
            if left.isEmpty { return nil }
            defer { left = left.dropFirst(1000) }
            return ByteBuffer(bytes: left.prefix(1000))
        }
    }

    func cancel() { left.withLock { $0 = [] } }
}
