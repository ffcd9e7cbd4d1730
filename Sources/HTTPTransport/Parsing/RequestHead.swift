import NIOHTTP1

/// Bytes that are no acceptable HTTP request, and the status that says so.
struct HTTPSyntaxError: Error, Hashable {
    var status: UInt
    var message: String

    init(_ message: String) { self.init(400, message) }

    init(_ status: UInt, _ message: String) {
        self.status = status
        self.message = message
    }
}

/// How the end of a request body is found.
enum BodyFraming: Hashable, Sendable {
    case none
    case length(Int)
    case chunked
}

/// One request line with its header fields, checked.
struct RequestHead: Sendable {
    var method: HTTPMethod
    var target: String
    var version: HTTPVersion
    var headers: HTTPHeaders
    var framing: BodyFraming
    var keepAlive: Bool
    var expectsContinue: Bool
}
