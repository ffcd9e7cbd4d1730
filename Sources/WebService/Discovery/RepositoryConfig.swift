import AnnexProtocol
import Hosting

/// The generated git config at `/<path>/config`, from which clients learn UUID and annex URL (spec 01 §7.2).
///
/// Never the repository's own file: that may hold secrets.
struct RepositoryConfig {
    var name: RepositoryName
    /// Nil for a repository that is not an annex yet: clients then ask again later.
    var uuid: RepositoryUUID?
    /// Where the client reached us.
    var authority: PublicAddress

    var text: String {
        var lines = "[core]\n\tbare = true\n"
        guard let uuid else { return lines }
        lines += "[annex]\n\tuuid = \(Self.quoted("\(uuid)"))\n\tversion = 10\n\turl = \(url)\n"
        return lines
    }

    /// A value as git reads it back. A UUID is any text without spaces and line breaks, and an imported repository may
    /// have one with comment signs, quotes or a backslash, which would end the value or join it with the next line.
    private static func quoted(_ value: String) -> String {
        guard value.utf8.contains(where: { "\"\\#;\t".utf8.contains($0) }) else { return value }
        // Scalars, since a sign with an accent on it is another character, and yet two for git.
        return value.unicodeScalars.reduce(into: "\"") { text, scalar in
            if scalar == "\\" || scalar == "\"" { text += "\\" }
            text.unicodeScalars.append(scalar)
        } + "\""
    }

    /// The annex URL always names a port: the default of `annex+http` is 9417, whatever the scheme's own is.
    private var url: String {
        let path = name.components.map { String(decoding: PercentEncoding.encode($0.utf8), as: UTF8.self) }.joined(
            separator: "/")
        return "annex+\(authority.scheme)://\(authority.host):\(authority.port)\(authority.path)/\(path)"
    }
}

/// The address under which clients reach this host.
public struct PublicAddress: Sendable, Hashable {
    /// `http` or `https`.
    public var scheme: String
    /// A name, an IPv4 address, or an IPv6 address in brackets.
    public var host: String
    public var port: Int
    /// A path in front of all repositories, with a leading and without a trailing slash; usually empty.
    public var path: String

    /// From a configured URL such as `https://annex.example.org/data`; nil when it is not one.
    public init?(url: String) {
        guard let separator = url.firstRange(of: "://") else { return nil }
        let scheme = String(url[..<separator.lowerBound])
        guard scheme == "http" || scheme == "https" else { return nil }
        let rest = url[separator.upperBound...]
        let authority = rest.prefix { $0 != "/" }
        guard let parsed = PublicAddress(scheme: scheme, hostHeader: String(authority)) else { return nil }
        self = parsed
        let segments = rest[authority.endIndex...].split(separator: "/")
        guard segments.allSatisfy({ !$0.contains(where: { $0 == "?" || $0 == "#" || $0.isWhitespace }) }) else {
            return nil
        }
        path = segments.map { "/" + $0 }.joined()
    }

    /// From what a client sent as `Host`; nil when that is no host, since it ends up in the client's configuration.
    public init?(scheme: String, hostHeader: String) {
        var host = hostHeader[...]
        var port = scheme == "https" ? 443 : 80
        let end = host.lastIndex(of: "]") ?? host.startIndex
        if let colon = host[end...].lastIndex(of: ":") {
            let digits = host[host.index(after: colon)...]
            guard digits.utf8.allSatisfy({ (48...57).contains($0) }), let number = Int(digits),
                (1...65535).contains(number)
            else { return nil }
            port = number
            host = host[..<colon]
        }
        let isAddress = host.hasPrefix("[") && host.hasSuffix("]")
        let inner = isAddress ? host.dropFirst().dropLast() : host
        let allowed: (Character) -> Bool = { character in
            character.isASCII
                && (character.isLetter || character.isNumber || ".-_".contains(character)
                    || (isAddress && ":%".contains(character)))
        }
        guard !inner.isEmpty, inner.count <= 255, inner.allSatisfy(allowed) else { return nil }
        self.scheme = scheme
        self.host = String(host)
        self.port = port
        path = ""
    }
}
