/// The settings of one git configuration file, as `git config --file X --list` reads them.
///
/// `include.path` and `includeIf` are ordinary settings here: a repository cannot make annexd read other files.
public struct GitConfig: Sendable, Equatable {
    /// One setting in the order of the file.
    public struct Entry: Sendable, Equatable {
        /// The full name: section and variable in lower case, the subsection as written, for example `remote.A.url`.
        public var key: [UInt8]
        /// Nil for a key without `=`, which as a boolean means true.
        public var value: [UInt8]?
    }

    public private(set) var entries: [Entry] = []
    private var positions: [[UInt8]: [Int]] = [:]

    /// No settings at all, as a missing file has.
    public init() {}

    /// Reads the content of a configuration file; a line that git would refuse is a ``GitConfigError``.
    public init(parsing content: [UInt8]) throws(GitConfigError) {
        var parser = GitConfigParser(content)
        while let entry = try parser.next() {
            positions[entry.key, default: []].append(entries.count)
            entries.append(entry)
        }
    }

    /// The last value of a key such as `annex.uuid` or `remote.origin.url`, as bytes; empty for a key without `=`.
    public func bytes(_ key: String) -> [UInt8]? { last(key).map { $0.value ?? [] } }

    /// The last value of a key as text; bytes that are not UTF-8 become U+FFFD.
    public func string(_ key: String) -> String? { bytes(key).map { String(decoding: $0, as: UTF8.self) } }

    /// The last value of a key as git's truth value; nil when the key is missing or its value is neither true nor
    /// false.
    public func bool(_ key: String) -> Bool? {
        guard let entry = last(key) else { return nil }
        return GitConfigValue.bool(entry.value)
    }

    /// The last value of a key as a whole number with an optional unit `k`, `m` or `g` (powers of 1024).
    public func int(_ key: String) -> Int64? { last(key)?.value.flatMap { GitConfigValue.int($0) } }

    /// All values of a key, in the order of the file.
    public func all(_ key: String) -> [[UInt8]] {
        (positions[Self.canonical(key)] ?? []).map { entries[$0].value ?? [] }
    }

    /// The names of the subsections that have any setting in `section`, each once, in the order of the file.
    public func subsections(of section: String) -> [[UInt8]] {
        let prefix = Array(section.lowercased().utf8) + [UInt8(ascii: ".")]
        var seen: Set<[UInt8]> = []
        return entries.compactMap { entry in
            guard entry.key.starts(with: prefix), let dot = entry.key.lastIndex(of: UInt8(ascii: ".")),
                dot >= prefix.count
            else { return nil }
            let name = Array(entry.key[prefix.count..<dot])
            return seen.insert(name).inserted ? name : nil
        }
    }

    private func last(_ key: String) -> Entry? { positions[Self.canonical(key)]?.last.map { entries[$0] } }

    /// Section (up to the first dot) and variable (from the last dot) do not depend on case, the subsection does.
    private static func canonical(_ key: String) -> [UInt8] {
        var bytes = Array(key.utf8)
        let dot = UInt8(ascii: ".")
        guard let first = bytes.firstIndex(of: dot), let last = bytes.lastIndex(of: dot) else {
            return bytes.map(\.asciiLowercased)
        }
        for index in bytes.indices where index < first || index > last { bytes[index] = bytes[index].asciiLowercased }
        return bytes
    }
}

/// A configuration file that git would refuse to read.
public struct GitConfigError: Error, Sendable, Equatable, CustomStringConvertible {
    public enum Code: Sendable, Hashable {
        /// The line is not a section, a setting or a comment.
        case badLine
        /// The file is larger than the caller accepts.
        case tooLarge
    }

    public var code: Code
    /// What is wrong, for example `bad config line 3`.
    public var message: String

    public var description: String { message }
}

/// Values as git reads them.
enum GitConfigValue {
    static func bool(_ value: [UInt8]?) -> Bool? {
        guard let value else { return true }
        switch String(decoding: value.map(\.asciiLowercased), as: UTF8.self) {
        case "", "false", "no", "off": return false
        case "true", "yes", "on": return true
        default: return int(value).flatMap { Int32(exactly: $0) }.map { $0 != 0 }
        }
    }

    /// Decimal, `0x` hexadecimal or `0` octal, with a sign and a unit; nil when it is anything else or too large.
    static func int(_ value: [UInt8]) -> Int64? {
        var rest = value[...].drop { $0.isConfigSpace || $0 == 11 || $0 == 12 }
        var negative = false
        if let sign = rest.first, sign == UInt8(ascii: "-") || sign == UInt8(ascii: "+") {
            negative = sign == UInt8(ascii: "-")
            rest = rest.dropFirst()
        }
        var radix: Int64 = 10
        if rest.first == UInt8(ascii: "0") {
            let digits = rest.dropFirst(2)
            if rest.dropFirst().first?.asciiLowercased == UInt8(ascii: "x"), digits.first?.hexadecimalDigit != nil {
                radix = 16
                rest = digits
            } else {
                radix = 8
            }
        }
        var number: Int64 = 0
        var digits = 0
        while let digit = rest.first?.hexadecimalDigit, Int64(digit) < radix {
            let (product, tooLarge) = number.multipliedReportingOverflow(by: radix)
            let (sum, overflow) = product.subtractingReportingOverflow(Int64(digit))
            if tooLarge || overflow { return nil }
            number = sum
            digits += 1
            rest = rest.dropFirst()
        }
        guard digits > 0 else { return nil }
        let factor: Int64
        switch rest.count == 1 ? rest.first?.asciiLowercased : nil {
        case UInt8(ascii: "k"): factor = 1 << 10
        case UInt8(ascii: "m"): factor = 1 << 20
        case UInt8(ascii: "g"): factor = 1 << 30
        default:
            guard rest.isEmpty else { return nil }
            factor = 1
        }
        let (scaled, tooLarge) = number.multipliedReportingOverflow(by: negative ? factor : -factor)
        return tooLarge ? nil : scaled
    }
}

extension UInt8 {
    var asciiLowercased: UInt8 { self >= 65 && self <= 90 ? self + 32 : self }

    var isASCIILetter: Bool { asciiLowercased >= 97 && asciiLowercased <= 122 }

    var isASCIIDigit: Bool { self >= 48 && self <= 57 }

    /// What git calls a space: space, tab, LF and CR.
    var isConfigSpace: Bool { self == 32 || self == 9 || self == 10 || self == 13 }

    var hexadecimalDigit: UInt8? {
        if isASCIIDigit { return self - 48 }
        let lower = asciiLowercased
        return lower >= 97 && lower <= 102 ? lower - 87 : nil
    }
}
