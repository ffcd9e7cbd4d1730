import AnnexProtocol

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

extension RequestTarget {
    /// The path for the log, without the query, which may hold what is nobody's business.
    ///
    /// It is the client's text: bytes other than printable ASCII are escaped, and a long one is cut in its middle,
    /// since both its ends tell what was meant.
    var loggedPath: String {
        var text: [UInt8] = segments.isEmpty ? [UInt8(ascii: "/")] : []
        for segment in segments {
            text.append(UInt8(ascii: "/"))
            for byte in segment {
                if (33...126).contains(byte) { text.append(byte) } else { text += PercentEncoding.encode([byte]) }
            }
        }
        if endsWithSlash && !segments.isEmpty { text.append(UInt8(ascii: "/")) }
        let half = Self.longestLoggedPath / 2
        if text.count > Self.longestLoggedPath { text = text.prefix(half) + Array("...".utf8) + text.suffix(half) }
        return String(decoding: text, as: UTF8.self)
    }

    /// Whether a client of Git LFS asks, as `/<path>/info/lfs/objects/batch`; a repository may still have such a name.
    var isGitLFS: Bool {
        segments.indices.dropFirst(2).contains {
            segments[$0].elementsEqual("lfs".utf8) && segments[$0 - 1].elementsEqual("info".utf8)
        }
    }

    private static let longestLoggedPath = 256
}
