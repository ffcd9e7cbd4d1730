public import AnnexProtocol
public import FileIO
public import NIOCore

/// Everything that can hold the content of keys: this repository's own objects, and later a proxied remote or a cluster.
///
/// The HTTP operations speak only to this. What a caller opens here it owns: when the value goes away, or the task is
/// cancelled, descriptors, locks and connections are released.
public protocol ContentLocation: Sendable {
    /// Whose content this is; location logs name it.
    var uuid: RepositoryUUID { get }

    /// Whether the content can be had now (spec 01 §4.1).
    func isPresent(_ key: Key) async throws -> Bool

    /// The content for reading, or nil where it is not held.
    func open(_ key: Key) async throws -> Content?

    /// How much of the content an earlier, interrupted upload left behind.
    func partial(of key: Key) async throws -> PartialContent

    /// Takes the bytes of `upload`, verifies them against the key, makes them durable and logs the location, in this
    /// order, before it answers (spec 01 §4.2).
    func store(_ key: Key, from upload: Upload) async throws -> StoreOutcome

    /// Logs that content which is here by other means is here; answers whether it is (spec 01 §6.5, `data-present`).
    func confirm(_ key: Key) async throws -> StoreOutcome

    /// Removes the content and logs that, unless it is locked or `deadline` has passed (spec 01 §4.3).
    func remove(_ key: Key, before deadline: BootSeconds?) async throws -> RemovalOutcome

    /// Keeps the content from being removed, for ten minutes at least; nil where it is not present or not lockable.
    func lock(_ key: Key) async throws -> (any HeldLock)?
}

/// A time on the clock that `gettimestamp` reads, in whole seconds (spec 01 §4.4).
public struct BootSeconds: Hashable, Sendable, Comparable {
    public var value: Int64

    public init(_ value: Int64) { self.value = value }

    public static var now: BootSeconds { BootSeconds(BootClock.seconds) }

    public static func < (left: BootSeconds, right: BootSeconds) -> Bool { left.value < right.value }
}

/// Opened content of a key.
public struct Content: Sendable {
    /// In bytes.
    public var size: UInt64
    public var source: Source

    public init(size: UInt64, source: Source) {
        self.size = size
        self.source = source
    }

    public enum Source: Sendable {
        /// An immutable file.
        case file(OpenFile)
        /// A file that somebody could change while it is sent; the closure says whether it is still the same.
        case mutableFile(OpenFile, isUnchanged: @Sendable () async -> Bool)
    }
}

/// What an interrupted upload left, as `putoffset` answers.
public enum PartialContent: Hashable, Sendable {
    case alreadyPresent(also: [RepositoryUUID])
    case bytes(UInt64)
}

/// An upload as its sender describes it, and its bytes.
public struct Upload: Sendable {
    /// The repository that sends, as it calls itself; any bytes.
    public var client: [UInt8]
    /// The work-tree file that the sender stores, relative to the top; for display and preferred content only.
    public var associatedFile: [UInt8]?
    /// How many bytes of the content the sender left out, since they are here already.
    public var offset: UInt64
    /// How many bytes follow, as declared; negative when the sender has less than we reported (spec 01 §6.5).
    public var length: Int64
    public var body: any UploadBody

    public init(client: [UInt8], associatedFile: [UInt8]?, offset: UInt64, length: Int64, body: any UploadBody) {
        self.client = client
        self.associatedFile = associatedFile
        self.offset = offset
        self.length = length
        self.body = body
    }
}

/// The bytes of an upload, pulled by whoever stores them.
public protocol UploadBody: Sendable {
    /// The next bytes, or how the body ended.
    func next() async throws -> UploadChunk
}

public enum UploadChunk: Sendable {
    case bytes(ByteBuffer)
    /// The sender finished the body properly.
    case end
    /// The connection broke before the end.
    case broken
}

public enum StoreOutcome: Hashable, Sendable {
    /// Stored here, and also in these repositories (for clusters).
    case stored(also: [RepositoryUUID])
    /// Not stored, as the protocol expects it to happen: wrong digest, short body, busy.
    case notStored(reason: String)
    /// Not accepted, for a reason that a person should read before any byte is sent.
    case refused(Refusal)
}

public enum RemovalOutcome: Hashable, Sendable {
    case removed(also: [RepositoryUUID])
    case notRemoved(reason: String)
    case refused(Refusal)
}

/// Why a request is turned away, in words for a person.
public enum Refusal: Error, Hashable, Sendable {
    /// The disk lacks this many bytes, the reserve included.
    case notEnoughSpace(missing: UInt64)
    /// The repository's settings do not allow it.
    case forbidden(reason: String)
    /// Too much is going on; the client may try again.
    case overloaded(reason: String)
}

/// A lock on the content of a key, held until released.
public protocol HeldLock: Sendable {
    /// Ends the lock now; the content may be removed.
    func release() async

    /// Gives up the lock's resources, leaving the content protected on disk until `deadline` (seconds since 1970).
    func detach(protectedUntil deadline: Int64) async
}
