/// The path and query of a request line, split before anything is decoded (spec 01 §6.1).
public struct RequestTarget: Sendable {
    /// The parts of the path between slashes, still percent-encoded; doubled, leading and trailing slashes vanish.
    public let segments: [ArraySlice<UInt8>]
    /// What follows the first `?`, or nothing.
    public let query: ArraySlice<UInt8>
    public let endsWithSlash: Bool

    public init(_ target: some Collection<UInt8>) {
        var bytes = Array(target)[...]
        // The absolute form (RFC 9112 §3.2.2) names a host that the Host header names as well.
        if let scheme = [Array("http://".utf8), Array("https://".utf8)].first(where: { bytes.starts(with: $0) }) {
            bytes = bytes.dropFirst(scheme.count).drop { $0 != UInt8(ascii: "/") && $0 != UInt8(ascii: "?") }
        }
        let path = bytes.prefix { $0 != UInt8(ascii: "?") && $0 != UInt8(ascii: "#") }
        query = bytes[path.endIndex...].dropFirst().prefix { $0 != UInt8(ascii: "#") }
        segments = path.split(separator: UInt8(ascii: "/"))
        endsWithSlash = path.last == UInt8(ascii: "/")
    }
}
