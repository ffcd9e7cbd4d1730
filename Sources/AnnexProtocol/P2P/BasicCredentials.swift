/// User name and password of an `Authorization: Basic` header (spec 01 §6.8). It prints as `<redacted>`.
public struct BasicCredentials: Hashable, Sendable {
    public let user: [UInt8]
    public let password: [UInt8]

    /// Credentials made by hand, for tests and clients.
    public init(user: [UInt8], password: [UInt8]) {
        self.user = user
        self.password = password
    }

    /// Nil where the header is of another scheme or cannot be decoded; both are answered with 401.
    ///
    /// git-annex writes base64url where git and curl write standard base64; both are read, with or without padding. The
    /// first `:` divides name and password.
    public init?(authorization header: some Collection<UInt8>) {
        let isBlank = { (byte: UInt8) in byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t") }
        let words = header.split(whereSeparator: isBlank)
        guard words.count == 2, words[0].map({ $0 | 0x20 }) == Array("basic".utf8),
            let pair = Base64.decode(words[1], alphabet: .either), let colon = pair.firstIndex(of: UInt8(ascii: ":"))
        else { return nil }
        user = Array(pair[..<colon])
        password = Array(pair[(colon + 1)...])
    }

    /// How a server reads the header (spec 01 §6.8).
    public enum Dialect: Hashable, Sendable {
        /// base64url: the only one that the stock program's server understands.
        case annex
        /// Standard base64, as everybody else.
        case standard
    }

    /// The value of an `Authorization` header with these credentials. It is a secret.
    public func authorization(_ dialect: Dialect) -> String {
        var digits = Base64.encodeURL(user + [UInt8(ascii: ":")] + password)
        if dialect == .standard {
            for index in digits.indices {
                switch digits[index] {
                case UInt8(ascii: "-"): digits[index] = UInt8(ascii: "+")
                case UInt8(ascii: "_"): digits[index] = UInt8(ascii: "/")
                default: break
                }
            }
        }
        return "Basic " + String(decoding: digits, as: UTF8.self)
    }
}

extension BasicCredentials: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    public var description: String { "<redacted>" }
    public var debugDescription: String { "<redacted>" }
    public var customMirror: Mirror { Mirror(self, children: []) }
}
