/// Percent-encoding of URLs (RFC 3986), on bytes: keys and file names need not be UTF-8 (spec 01 §6.1).
public enum PercentEncoding {
    /// A `%` that two hexadecimal digits do not follow.
    public struct BadEscape: Error, Hashable, Sendable {}

    /// The bytes that the text stands for.
    ///
    /// - Parameter plusIsSpace: true in queries, where `+` means a space; false in paths.
    public static func decode(
        _ text: some Collection<UInt8>, plusIsSpace: Bool = false
    ) throws(BadEscape) -> [UInt8] {
        try decode(Array(text)[...], plusIsSpace: plusIsSpace)
    }

    /// The bytes that the text stands for.
    public static func decode(_ text: ArraySlice<UInt8>, plusIsSpace: Bool = false) throws(BadEscape) -> [UInt8] {
        var result: [UInt8] = []
        result.reserveCapacity(text.count)
        var index = text.startIndex
        while index != text.endIndex {
            let byte = text[index]
            text.formIndex(after: &index)
            switch byte {
            case UInt8(ascii: "%"):
                guard let high = digit(in: text, at: &index), let low = digit(in: text, at: &index) else {
                    throw BadEscape()
                }
                result.append(high << 4 | low)
            case UInt8(ascii: "+") where plusIsSpace: result.append(UInt8(ascii: " "))
            default: result.append(byte)
            }
        }
        return result
    }

    /// The bytes with all but the unreserved characters escaped, for one path segment or one query value.
    public static func encode(_ bytes: some Collection<UInt8>) -> [UInt8] {
        let digits = Array("0123456789ABCDEF".utf8)
        var result: [UInt8] = []
        result.reserveCapacity(bytes.count)
        for byte in bytes {
            switch byte {
            case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"),
                UInt8(ascii: "~"):
                result.append(byte)
            default:
                result.append(contentsOf: [UInt8(ascii: "%"), digits[Int(byte >> 4)], digits[Int(byte & 15)]])
            }
        }
        return result
    }

    private static func digit(in text: ArraySlice<UInt8>, at index: inout Int) -> UInt8? {
        guard index != text.endIndex else { return nil }
        let byte = text[index]
        text.formIndex(after: &index)
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): return byte - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): return byte - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): return byte - UInt8(ascii: "A") + 10
        default: return nil
        }
    }
}
