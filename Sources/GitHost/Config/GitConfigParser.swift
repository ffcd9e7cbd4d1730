/// Reads the settings of a configuration file one after the other (git-config(1), "Syntax").
struct GitConfigParser {
    private let content: [UInt8]
    private var index = 0
    private var line = 1
    /// The current section with its trailing dot; empty before the first one.
    private var section: [UInt8] = []

    init(_ content: [UInt8]) {
        self.content = content
        if content.starts(with: [0xef, 0xbb, 0xbf]) { index = 3 }
    }

    /// The next setting, or nil at the end of the file.
    mutating func next() throws(GitConfigError) -> GitConfig.Entry? {
        while let byte = nextByte() {
            switch byte {
            case _ where byte.isConfigSpace:
                continue
            case UInt8(ascii: "#"), UInt8(ascii: ";"):
                skipLine()
            case UInt8(ascii: "["):
                try readSection()
            case _ where byte.isASCIILetter:
                return try readSetting(first: byte)
            default:
                throw bad()
            }
        }
        return nil
    }

    /// The next byte, a CR LF being one LF; nil at the end.
    private mutating func nextByte() -> UInt8? {
        guard index < content.count else { return nil }
        var byte = content[index]
        index += 1
        if byte == 13, index < content.count, content[index] == 10 {
            byte = 10
            index += 1
        }
        if byte == 10 { line += 1 }
        return byte
    }

    private mutating func skipLine() {
        while let byte = nextByte(), byte != 10 {}
    }

    /// `[section]`, `[section.subsection]` (the old form, all in lower case) or `[section "subsection"]`.
    private mutating func readSection() throws(GitConfigError) {
        section.removeAll(keepingCapacity: true)
        while let byte = nextByte() {
            if byte == UInt8(ascii: "]") {
                guard !section.isEmpty else { throw bad() }
                section.append(UInt8(ascii: "."))
                return
            }
            if byte.isConfigSpace { return try readSubsection(after: byte) }
            guard byte.isKeyByte || byte == UInt8(ascii: ".") else { throw bad() }
            section.append(byte.asciiLowercased)
        }
        throw bad()
    }

    private mutating func readSubsection(after space: UInt8) throws(GitConfigError) {
        var byte = space
        while byte.isConfigSpace {
            guard byte != 10, let next = nextByte() else { throw bad() }
            byte = next
        }
        guard byte == UInt8(ascii: "\"") else { throw bad() }
        section.append(UInt8(ascii: "."))
        while var byte = nextByte(), byte != 10 {
            if byte == UInt8(ascii: "\"") {
                guard nextByte() == UInt8(ascii: "]") else { throw bad() }
                section.append(UInt8(ascii: "."))
                return
            }
            if byte == UInt8(ascii: "\\") {
                guard let escaped = nextByte(), escaped != 10 else { throw bad() }
                byte = escaped
            }
            guard byte != 0 else { throw bad() }
            section.append(byte)
        }
        throw bad()
    }

    private mutating func readSetting(first: UInt8) throws(GitConfigError) -> GitConfig.Entry {
        var key = section
        key.append(first.asciiLowercased)
        var byte = nextByte()
        while let current = byte, current.isKeyByte {
            key.append(current.asciiLowercased)
            byte = nextByte()
        }
        while byte == 32 || byte == 9 { byte = nextByte() }
        guard let current = byte, current != 10 else { return GitConfig.Entry(key: key, value: nil) }
        guard current == UInt8(ascii: "=") else { throw bad() }
        return GitConfig.Entry(key: key, value: try readValue())
    }

    /// Everything after `=`, without white space at both ends, quotes, comments and continuation lines.
    private mutating func readValue() throws(GitConfigError) -> [UInt8] {
        var value: [UInt8] = []
        /// Where white space began that belongs to the value only if something follows.
        var trimmed: Int?
        var quoted = false
        while let byte = nextByte(), byte != 10 {
            if byte.isConfigSpace && !quoted {
                if trimmed == nil { trimmed = value.count }
                if !value.isEmpty { value.append(byte) }
                continue
            }
            if !quoted, byte == UInt8(ascii: "#") || byte == UInt8(ascii: ";") {
                skipLine()
                break
            }
            trimmed = nil
            switch byte {
            case UInt8(ascii: "\""): quoted.toggle()
            case UInt8(ascii: "\\"):
                if let escaped = try readEscape() { value.append(escaped) }
            case 0: throw bad()
            default: value.append(byte)
            }
        }
        guard !quoted else { throw bad() }
        if let trimmed { value.removeLast(value.count - trimmed) }
        return value
    }

    /// The byte an escape stands for; nil for a continuation line.
    private mutating func readEscape() throws(GitConfigError) -> UInt8? {
        switch nextByte() {
        case nil, 10: return nil
        case UInt8(ascii: "t"): return 9
        case UInt8(ascii: "b"): return 8
        case UInt8(ascii: "n"): return 10
        case UInt8(ascii: "\\"): return UInt8(ascii: "\\")
        case UInt8(ascii: "\""): return UInt8(ascii: "\"")
        default: throw bad()
        }
    }

    /// A NUL byte is an error as well, since git would silently cut the value there.
    private func bad() -> GitConfigError {
        let ended = index > 0 && index <= content.count && content[index - 1] == 10
        return GitConfigError(code: .badLine, message: "bad config line \(ended ? line - 1 : line)")
    }
}

extension UInt8 {
    fileprivate var isKeyByte: Bool { isASCIILetter || isASCIIDigit || self == UInt8(ascii: "-") }
}
