import CZlib

/// Decompresses a request body of `Content-Encoding: gzip` or `x-gzip`, chunk by chunk.
///
/// Put a chunk in with ``feed(_:)``, then take pieces with ``next()`` until it answers nil; at the end of the body call
/// ``finish()``. Several members in a row count as one body, as RFC 1952 §2.2 has it.
public struct Gunzip: ~Copyable, @unchecked Sendable {
    public enum Failure: Error, Sendable, Hashable {
        /// The bytes are not gzip, their checksum is wrong, or something follows the end.
        case malformed
        /// The body ended too early.
        case truncated
        /// The content is larger than the limit, or suspiciously larger than what was sent.
        case tooLarge
        case outOfMemory
    }

    /// Content up to this size, in bytes, may be compressed however well.
    public static let unratedSize = 1 << 20
    /// How many bytes of larger content one byte of input may stand for.
    public static let largestRatio = 100

    /// Owned by this value alone, which is why the value may move between tasks.
    private let inflater: OpaquePointer
    private let limit: Int
    private var input: [UInt8] = []
    private var position = 0
    private var consumed = 0
    private var produced = 0
    private var isBetweenMembers = false
    /// The last piece filled its room, so more may come without further input.
    private var mayHoldMore = false

    /// - Parameter limit: the largest content, in bytes.
    public init(limit: Int) throws(Failure) {
        guard let inflater = annexd_inflater_create() else { throw .outOfMemory }
        self.inflater = inflater
        self.limit = limit
    }

    deinit { annexd_inflater_destroy(inflater) }

    /// Adds a chunk of the body.
    public mutating func feed(_ chunk: [UInt8]) {
        if position == input.count {
            input = chunk
        } else {
            input.removeFirst(position)
            input += chunk
        }
        position = 0
    }

    /// The next piece of content, at most 64 KiB; nil when more input is needed.
    public mutating func next() throws(Failure) -> [UInt8]? {
        var piece: [UInt8] = []
        while position < input.count || mayHoldMore {
            if isBetweenMembers {
                guard annexd_inflater_reset(inflater) == 0 else { throw .malformed }
                isBetweenMembers = false
            }
            var taken = 0
            var count = 0
            var status: Int32 = 0
            piece = [UInt8](unsafeUninitializedCapacity: 64 << 10) { room, filled in
                input.withUnsafeBytes { bytes in
                    status = annexd_inflater_run(
                        inflater, bytes.baseAddress.map { $0 + position }, bytes.count - position, room.baseAddress,
                        room.count, &taken, &count)
                }
                filled = count
            }
            position += taken
            consumed += taken
            produced += count
            switch status {
            case -1: throw .malformed
            case -2: throw .outOfMemory
            case 1: isBetweenMembers = true
            default: break
            }
            mayHoldMore = count == 64 << 10 && status == 0
            guard produced <= limit, produced <= Self.unratedSize || produced / Self.largestRatio <= consumed else {
                throw .tooLarge
            }
            if !piece.isEmpty { return piece }
            if taken == 0 && status == 0 { break }
        }
        return nil
    }

    /// Says that the body has ended; it must have ended with a member.
    public mutating func finish() throws(Failure) {
        guard isBetweenMembers, position == input.count else { throw .truncated }
    }
}

extension GitInput {
    /// Writes what a compressed chunk holds; false when the process no longer reads.
    @discardableResult
    public func write(_ chunk: [UInt8], decompressing gunzip: inout Gunzip) async throws -> Bool {
        gunzip.feed(chunk)
        while let piece = try gunzip.next() {
            guard try await write(piece) else { return false }
        }
        return true
    }
}
