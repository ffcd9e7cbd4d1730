public import FileIO
public import NIOCore

/// What a caller wants of some content, so that a location elsewhere sends no more than that.
public struct Reading: Hashable, Sendable {
    /// Where the caller will probably begin to read, in bytes.
    public var offset: UInt64
    /// Whether bytes are wanted, or only the size.
    public var wantsBytes: Bool

    public init(offset: UInt64 = 0, wantsBytes: Bool = true) {
        self.offset = offset
        self.wantsBytes = wantsBytes
    }
}

/// Opened content of a key.
public struct Content: Sendable {
    /// All of it, in bytes, wherever reading begins.
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
        /// Bytes that are pulled as they are wanted.
        case stream(any StreamedContent)
    }
}

/// Content of which no file is at hand: what another host has, or what is put together while it is read.
public protocol StreamedContent: Sendable {
    /// The bytes from `offset` on. Called at most once; if it is never called, the connection is given up with the
    /// value.
    func bytes(from offset: UInt64) async throws -> any ContentBytes
}

/// Bytes of content as they arrive, pulled by whoever passes them on. Nothing is read ahead beyond a bounded buffer.
public protocol ContentBytes: AnyObject, Sendable {
    /// The next bytes, never empty, or nil after exactly the bytes that were announced.
    ///
    /// Throws ``LocationError`` if fewer or wrong ones came; the last byte of content that fails its verification is
    /// never handed out.
    func next() async throws -> ByteBuffer?

    /// Gives up the connection now. Also happens when the value goes away.
    func cancel()
}
