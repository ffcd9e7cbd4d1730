/// The two services of git's smart HTTP protocol (gitprotocol-http(5)).
public enum GitService: String, Sendable, Hashable, CaseIterable {
    /// Clone and fetch.
    case uploadPack = "git-upload-pack"
    /// Push.
    case receivePack = "git-receive-pack"

    /// The subcommand of git that speaks it.
    var subcommand: String { String(rawValue.dropFirst(4)) }

    /// The Content-Type of the answer to `info/refs?service=…`.
    public var advertisementType: String { "application/x-\(rawValue)-advertisement" }

    /// The Content-Type of a request body.
    public var requestType: String { "application/x-\(rawValue)-request" }

    /// The Content-Type of the answer to a request.
    public var resultType: String { "application/x-\(rawValue)-result" }
}

/// The value of a `Git-Protocol` request header, checked before it reaches git's environment.
public struct GitProtocol: Sendable, Hashable {
    /// The highest version asked for: 0, 1 or 2.
    public let version: Int
    /// The header's tokens that were understood, colon-separated, as GIT_PROTOCOL takes them; may be empty.
    public let value: String

    /// What a client that sends no header speaks.
    public static let original = GitProtocol(version: 0, value: "")

    private init(version: Int, value: String) {
        self.version = version
        self.value = value
    }

    /// Reads `key[=value]` tokens separated by colons.
    ///
    /// A header of more than 256 bytes, or with a token of other characters than letters, digits and `-._`, is ignored
    /// as a whole; an unknown version is left out.
    public init(header: String?) {
        self = header.flatMap(Self.parse) ?? .original
    }

    private static func parse(_ header: String) -> GitProtocol? {
        guard header.utf8.count <= 256 else { return nil }
        var kept: [Substring] = []
        var version = 0
        for token in header.split(separator: ":") {
            let parts = token.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            let isClean = parts.allSatisfy { part in
                !part.isEmpty && part.utf8.allSatisfy { $0.isASCIILetter || $0.isASCIIDigit || "-._".utf8.contains($0) }
            }
            guard isClean else { return nil }
            if parts[0] == "version" {
                guard parts.count == 2, let number = ["0": 0, "1": 1, "2": 2][parts[1]] else { continue }
                version = max(version, number)
            }
            kept.append(token)
        }
        return GitProtocol(version: version, value: kept.joined(separator: ":"))
    }

    /// What is said to the process. There is no version 2 of pushing: git answers version 0 to it, but leaves out the
    /// preamble that version 0 needs, so the request is dropped here.
    func value(for service: GitService) -> GitProtocol {
        service == .receivePack && version == 2 ? .original : self
    }
}
