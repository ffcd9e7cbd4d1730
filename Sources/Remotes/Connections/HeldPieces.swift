import NIOCore

/// Pieces of a body that wait, in memory of about their own size: at most four times their bytes, and a little.
///
/// A piece of few bytes may be all that is wanted of a large buffer, which stays in memory as long as the piece does.
/// Such pieces are copied, one behind the other; a sender of single bytes would otherwise fill the memory.
struct HeldPieces {
    private var pieces = CircularBuffer<ByteBuffer>()
    /// Whether the last piece is a copy, behind which more can be written.
    private var growsLast = false

    /// Smaller pieces are copied in any case, in bytes.
    private static let smallest = 16 << 10
    /// Copies are joined up to this size, in bytes.
    private static let joinedSize = 64 << 10

    var isEmpty: Bool { pieces.isEmpty }
    var count: Int { pieces.count }
    /// What the pieces keep in memory, in bytes.
    var memory: Int { pieces.reduce(0) { $0 + $1.storageCapacity } }

    subscript(index: Int) -> ByteBuffer { pieces[pieces.index(pieces.startIndex, offsetBy: index)] }

    /// Adds it at the end. The number of pieces stays as it is where it is joined to the last one.
    mutating func append(_ piece: ByteBuffer) {
        let size = piece.readableBytes
        guard size < Self.smallest || size < piece.storageCapacity / 4 else {
            pieces.append(piece)
            growsLast = false
            return
        }
        let last = pieces.endIndex
        if growsLast, !pieces.isEmpty, pieces[pieces.index(before: last)].readableBytes + size <= Self.joinedSize {
            pieces[pieces.index(before: last)].writeImmutableBuffer(piece)
        } else {
            var copy = ByteBufferAllocator().buffer(capacity: size)
            copy.writeImmutableBuffer(piece)
            pieces.append(copy)
            growsLast = true
        }
    }

    /// Takes the first piece out.
    mutating func popFirst() -> ByteBuffer? { pieces.popFirst() }

    mutating func removeAll() { pieces = CircularBuffer() }
}
