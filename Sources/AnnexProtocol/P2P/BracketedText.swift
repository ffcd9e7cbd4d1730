/// Values that may be written as `[` base64url `]` in URLs and replies (spec 01 §6.1).
public enum BracketedText {
    /// A value in brackets that holds no base64url.
    public struct Undecodable: Error, Hashable, Sendable {}

    /// The plain value: decoded where it begins with `[` and ends with `]`, else as it is.
    public static func decode(_ text: [UInt8]) throws(Undecodable) -> [UInt8] {
        guard isBracketed(text) else { return text }
        guard let bytes = Base64.decode(text[1..<(text.count - 1)], alphabet: .url) else { throw Undecodable() }
        return bytes
    }

    /// How to write a value: in brackets where it is not UTF-8 or itself looks bracketed, else as it is.
    public static func encode(_ bytes: [UInt8]) -> [UInt8] {
        guard isBracketed(bytes) || String(validating: bytes, as: UTF8.self) == nil else { return bytes }
        return [UInt8(ascii: "[")] + Base64.encodeURL(bytes) + [UInt8(ascii: "]")]
    }

    private static func isBracketed(_ text: [UInt8]) -> Bool {
        text.count >= 2 && text.first == UInt8(ascii: "[") && text.last == UInt8(ascii: "]")
    }
}
