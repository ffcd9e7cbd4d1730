import TestKit
import Testing

/// Sends bytes as they are, and answers every response until the server closes, as it does after each refusal; a
/// request that may succeed says `Connection: close`.
func answers(_ bytes: [UInt8], port: Int) throws -> [HTTPReply] {
    let connection = try RawConnection(port: port, timeout: 20)
    defer { connection.close() }
    // The server may refuse, and close, before it has read everything.
    try? connection.send(bytes)
    var replies: [HTTPReply] = []
    while let reply = try? connection.readReply() { replies.append(reply) }
    return replies
}

func answers(_ text: String, port: Int) throws -> [HTTPReply] { try answers(Array(text.utf8), port: port) }

/// The names of all files below a folder, relative to it and sorted.
func files(below folder: String) throws -> [String] {
    try Command(["find", ".", "-mindepth", "1", "-not", "-type", "d"], directory: folder).check().lines.sorted()
}
