/// How text that came from outside is written into a log line, or shown, without breaking the line or the terminal.
///
/// Key names, paths and header values reach the log. A line feed in one would forge a second line, an escape sequence
/// would drive the reader's terminal, and a bidirectional mark would reorder what a person sees: all are escaped.
public enum Quoting {
    /// The text as it is where it is one plain word, otherwise in double quotes with escapes.
    static func logfmt(_ text: String) -> String {
        !text.isEmpty && text.utf8.allSatisfy(isPlain) ? text : json(text)
    }

    /// The text as a JSON string, quotes included.
    public static func json(_ text: String) -> String {
        var result = "\""
        result.reserveCapacity(text.utf8.count + 2)
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": result += "\\\""
            case "\\": result += "\\\\"
            case "\n": result += "\\n"
            case "\r": result += "\\r"
            case "\t": result += "\\t"
            default:
                // All that is unsafe lies in the basic plane, so four digits suffice.
                if isUnsafe(scalar) {
                    result += "\\u" + fourDigits(scalar.value)
                } else {
                    result.unicodeScalars.append(scalar)
                }
            }
        }
        return result + "\""
    }

    /// The text as people can read it on a terminal: with escapes for all that is not just a character of the line.
    ///
    /// - Parameter keepsLineFeeds: for text of several lines of our own.
    public static func terminal(_ text: String, keepsLineFeeds: Bool = false) -> String {
        guard text.unicodeScalars.contains(where: isUnsafe) else { return text }
        var result = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\n" where !keepsLineFeeds: result += "\\n"
            case "\n", "\t": result.unicodeScalars.append(scalar)
            case _ where isUnsafe(scalar): result += "\\u" + fourDigits(scalar.value)
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result
    }

    /// The name with `_` for everything but ASCII letters, digits, `_`, `-`, `.` and `/`; never empty.
    static func fieldName(_ name: String) -> String {
        guard !name.isEmpty else { return "_" }
        return String(decoding: name.utf8.map { isNameByte($0) ? $0 : UInt8(ascii: "_") }, as: UTF8.self)
    }

    private static func isPlain(_ byte: UInt8) -> Bool {
        byte > 0x20 && byte < 0x7f && byte != UInt8(ascii: "\"") && byte != UInt8(ascii: "=")
            && byte != UInt8(ascii: "\\")
    }

    private static func isNameByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"): true
        case UInt8(ascii: "0")...UInt8(ascii: "9"): true
        case UInt8(ascii: "_"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "/"): true
        default: false
        }
    }

    private static func isUnsafe(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0..<0x20, 0x7f...0x9f: true  // C0, DEL, C1
        case 0x61c, 0x200b...0x200f, 0x2028...0x202e, 0x2066...0x2069, 0xfeff: true  // invisible or reordering
        default: false
        }
    }

    private static func fourDigits(_ value: UInt32) -> String {
        let digits = String(value, radix: 16)
        return String(repeating: "0", count: max(0, 4 - digits.count)) + digits
    }
}
