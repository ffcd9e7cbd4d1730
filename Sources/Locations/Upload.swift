public import NIOCore

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
    /// The next bytes, or how the body ended. A pull that is cancelled loses nothing: what arrives later is handed to
    /// the next one.
    ///
    /// A body that cannot be read, for whatever reason, is ``UploadChunk/broken``. Throws `CancellationError`, or
    /// ``LocationError`` if this host fails on the way.
    func next() async throws -> UploadChunk

    /// Whether the end of the body tells if all of the content, from its first byte on, is what the key says. Then
    /// whoever stores it need not look, as long as it stores these bytes and no others in their place.
    var isJudged: Bool { get }
}

extension UploadBody {
    public var isJudged: Bool { false }
}

public enum UploadChunk: Sendable {
    case bytes(ByteBuffer)
    /// The sender finished the body properly.
    case end(Proof)
    /// The connection broke before the end, or what came over it made no sense.
    case broken
}

/// What is known of content before it is made visible.
public enum Proof: Hashable, Sendable {
    /// It is what its key says.
    case right
    /// It is not; it must never become visible.
    case wrong
    /// Nobody has looked: it began in the middle, or its key has no digest. Whoever stores it must look.
    case unchecked
}
