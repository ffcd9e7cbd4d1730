/// A value as a file, the environment or the command line gives it, before its key has judged it.
enum SettingValue: Equatable, Sendable {
    case string(String)
    case integer(Int)
    case boolean(Bool)
    case strings([String])
    /// Anything else TOML can write, under its name there.
    case other(String)

    /// The value as a message quotes it.
    var quoted: String {
        switch self {
        case .string(let text): "the string \(Self.toml(text))"
        case .integer(let number): "the number \(number)"
        case .boolean(let flag): "\(flag)"
        case .strings: "an array"
        case .other(let type): "a \(type)"
        }
    }

    /// The value as TOML writes it.
    var toml: String {
        switch self {
        case .string(let text): Self.toml(text)
        case .integer(let number): String(number)
        case .boolean(let flag): String(flag)
        case .strings(let texts): "[" + texts.map(Self.toml).joined(separator: ", ") + "]"
        case .other(let type): type
        }
    }

    private static func toml(_ text: String) -> String {
        var result = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"", "\\": result += "\\\(scalar)"
            case "\n": result += "\\n"
            case "\r": result += "\\r"
            case "\t": result += "\\t"
            default:
                if scalar.value < 0x20 || 0x7f...0x9f ~= scalar.value {
                    let digits = String(scalar.value, radix: 16)
                    result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
                } else {
                    result.unicodeScalars.append(scalar)
                }
            }
        }
        return result + "\""
    }
}
