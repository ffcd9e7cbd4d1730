import NIOCore

/// Finds the content of one request body, and its end, in a stream of bytes. Takes whatever there is, so nothing of the
/// body stays in the buffer.
struct BodyDecoder {
    enum Step: Equatable {
        case content(ByteBuffer)
        case needsMore
        case ended
    }

    private enum State {
        case length(Int)
        case sizeStart, size(Int, digits: Int), sizeSpace(Int), sizeExtension(Int, length: Int), sizeFeed(Int)
        case content(Int), contentReturn, contentFeed
        case trailerStart, trailer, trailerFeed, lastFeed
        case ended
    }

    private var state: State
    private var trailerBytes = 0
    private static let longestExtension = 1024
    private static let longestTrailer = 16 * 1024

    init(_ framing: BodyFraming) {
        switch framing {
        case .none: state = .ended
        case .length(let length): state = length == 0 ? .ended : .length(length)
        case .chunked: state = .sizeStart
        }
    }

    var isEnded: Bool {
        if case .ended = state { true } else { false }
    }

    /// Bytes that are still to come by Content-Length; nil for a chunked body that has not ended.
    var remaining: Int? {
        switch state {
        case .length(let left): left
        case .ended: 0
        default: nil
        }
    }

    mutating func next(_ buffer: inout ByteBuffer) throws(HTTPSyntaxError) -> Step {
        while true {
            switch state {
            case .ended:
                return .ended
            case .length(let left):
                guard let slice = buffer.readSlice(length: min(left, buffer.readableBytes)), slice.readableBytes > 0
                else { return .needsMore }
                state = slice.readableBytes == left ? .ended : .length(left - slice.readableBytes)
                return .content(slice)
            case .content(let left):
                guard let slice = buffer.readSlice(length: min(left, buffer.readableBytes)), slice.readableBytes > 0
                else { return .needsMore }
                state = slice.readableBytes == left ? .contentReturn : .content(left - slice.readableBytes)
                return .content(slice)
            default:
                guard let byte = buffer.readInteger(as: UInt8.self) else { return .needsMore }
                try take(byte)
            }
        }
    }

    /// One byte of the framing between contents.
    private mutating func take(_ byte: UInt8) throws(HTTPSyntaxError) {
        switch state {
        case .sizeStart:
            guard let digit = hexDigit(byte) else { throw HTTPSyntaxError("bad chunk size") }
            state = .size(digit, digits: 1)
        case .size(let size, let digits):
            if let digit = hexDigit(byte) {
                guard digits < 16, size <= Int.max >> 5 else { throw HTTPSyntaxError("the chunk size is too large") }
                state = .size(size << 4 | digit, digits: digits + 1)
            } else {
                try endSize(size, byte)
            }
        case .sizeSpace(let size):
            // White space is allowed only before an extension (RFC 9112 §7.1.1).
            guard byte == 32 || byte == 9 || byte == 59 else { throw HTTPSyntaxError("bad chunk size") }
            if byte == 59 { state = .sizeExtension(size, length: 0) }
        case .sizeExtension(let size, let length):
            if byte == 13 {
                state = .sizeFeed(size)
            } else {
                guard byte != 10, byte != 0, length < Self.longestExtension else {
                    throw HTTPSyntaxError("bad chunk extension")
                }
                state = .sizeExtension(size, length: length + 1)
            }
        case .sizeFeed(let size):
            try expect(byte, 10)
            state = size == 0 ? .trailerStart : .content(size)
        case .contentReturn:
            try expect(byte, 13)
            state = .contentFeed
        case .contentFeed:
            try expect(byte, 10)
            state = .sizeStart
        default:
            try takeTrailer(byte)
        }
    }

    private mutating func endSize(_ size: Int, _ byte: UInt8) throws(HTTPSyntaxError) {
        switch byte {
        case 13: state = .sizeFeed(size)
        case 59: state = .sizeExtension(size, length: 0)
        case 32, 9: state = .sizeSpace(size)
        default: throw HTTPSyntaxError("bad chunk size")
        }
    }

    /// Trailers are read and dropped.
    private mutating func takeTrailer(_ byte: UInt8) throws(HTTPSyntaxError) {
        trailerBytes += 1
        guard trailerBytes <= Self.longestTrailer else { throw HTTPSyntaxError("the trailer is too long") }
        switch state {
        case .trailerStart:
            if byte == 13 {
                state = .lastFeed
            } else {
                guard isToken(byte) else { throw HTTPSyntaxError("bad trailer") }
                state = .trailer
            }
        case .trailer:
            if byte == 13 { state = .trailerFeed } else if byte == 10 { throw HTTPSyntaxError("bad trailer") }
        case .trailerFeed:
            try expect(byte, 10)
            state = .trailerStart
        case .lastFeed:
            try expect(byte, 10)
            state = .ended
        default:
            break
        }
    }

    private func expect(_ byte: UInt8, _ wanted: UInt8) throws(HTTPSyntaxError) {
        if byte != wanted { throw HTTPSyntaxError("bad chunk framing") }
    }

    private func hexDigit(_ byte: UInt8) -> Int? {
        switch byte {
        case 48...57: Int(byte) - 48
        case 65...70: Int(byte) - 55
        case 97...102: Int(byte) - 87
        default: nil
        }
    }
}
