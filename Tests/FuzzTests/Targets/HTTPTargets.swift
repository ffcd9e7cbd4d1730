import NIOCore
import NIOHTTP1

@testable import HTTPTransport

/// Requests as a connection reads them: heads, bodies, and what follows.
let httpTargets = [
    FuzzTarget("http-requests") { input in
        let whole = Conversation(feeding: [input.bytes[...]])
        let pieces = Conversation(feeding: input.pieces)
        try requireEqual(pieces, whole, "pieces are read as the whole is")
        try agree(whole, with: ReferenceHTTP(input.bytes), input)
    },
    // Bodies alone, so that chunks are reached without a head before them.
    FuzzTarget("http-chunks") { input in
        let head = Array("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n".utf8)
        let whole = FuzzInput(head + input.bytes)
        let conversation = Conversation(feeding: [whole.bytes[...]])
        try requireEqual(
            Conversation(feeding: [head[...]] + input.pieces), conversation, "pieces are read as the whole")
        try agree(conversation, with: ReferenceHTTP(whole.bytes), whole)
    },
]

/// What the parsers make of a stream of bytes.
private struct Conversation: Equatable {
    var messages: [ReferenceHTTP.Message] = []
    /// The status of the refusal that ended it.
    var refusal: UInt?
    /// Bytes behind the last complete message, unless that was refused.
    var rest: [UInt8] = []

    init(feeding pieces: [ArraySlice<UInt8>]) {
        var buffer = ByteBuffer()
        var parser = HeadParser()
        var decoder: BodyDecoder?
        do {
            for piece in pieces {
                buffer.writeBytes(piece)
                try read(&buffer, &parser, &decoder)
            }
            rest = Array(buffer.readableBytesView)
        } catch {
            refusal = (error as? HTTPSyntaxError)?.status ?? 0
        }
    }

    /// Takes whatever can be taken.
    private mutating func read(
        _ buffer: inout ByteBuffer, _ parser: inout HeadParser, _ decoder: inout BodyDecoder?
    ) throws {
        while true {
            if var body = decoder {
                defer { decoder = body.isEnded ? nil : body }
                while case .content(let piece) = try body.next(&buffer) {
                    messages[messages.count - 1].content += piece.readableBytesView
                }
                messages[messages.count - 1].isComplete = body.isEnded
                if !body.isEnded { return }
            } else {
                guard let head = try parser.next(&buffer) else { return }
                messages.append(
                    ReferenceHTTP.Message(
                        method: Array(head.method.rawValue.utf8), target: Array(head.target.utf8),
                        fields: head.headers.map { field in
                            ReferenceHTTP.Field(name: Array(field.name.utf8), value: Array(field.value.utf8))
                        },
                        content: [], isComplete: false))
                decoder = BodyDecoder(head.framing)
            }
        }
    }
}

/// What we accept has the one reading that the reference has: the same requests, bodies and end.
private func agree(_ ours: Conversation, with reference: ReferenceHTTP, _ input: FuzzInput) throws {
    var reference = reference
    for (number, message) in ours.messages.enumerated() {
        // A body may be refused at once that the reference has not seen the end of, or that exceeds a limit.
        let isRefused = number == ours.messages.count - 1 && ours.refusal != nil && !message.isComplete
        switch reference.next() {
        case .message(var other):
            // Field values are text here; bytes that are not UTF-8 were repaired.
            for index in other.fields.indices {
                other.fields[index].value = Array(String(decoding: other.fields[index].value, as: UTF8.self).utf8)
            }
            if isRefused { return }
            try requireEqual(message, other, "request \(number) as the reference reads it")
        case .refused, .needsMore:
            if isRefused { return }
            throw BrokenProperty("request \(number) was accepted, and the reference does not accept it")
        }
    }
    guard ours.refusal == nil, ours.messages.last?.isComplete != false else { return }
    try requireEqual(
        ours.rest.droppingEmptyLines, reference.remaining.droppingEmptyLines, "what follows the requests")
}

extension [UInt8] {
    /// Empty lines before a request line mean nothing (RFC 9112 §2.2).
    fileprivate var droppingEmptyLines: [UInt8] {
        var rest = self[...]
        while rest.starts(with: [13, 10]) { rest = rest.dropFirst(2) }
        return Array(rest)
    }
}
