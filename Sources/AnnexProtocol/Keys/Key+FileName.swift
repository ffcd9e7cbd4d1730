extension Key {
    /// The name of this key's files: objects, temporary files, branch logs (spec 01 §1.3). It holds no `/`.
    public var fileName: [UInt8] {
        var result: [UInt8] = []
        result.reserveCapacity(fileNameLength)
        for byte in bytes {
            switch byte {
            case UInt8(ascii: "&"): result.append(contentsOf: "&a".utf8)
            case UInt8(ascii: "%"): result.append(contentsOf: "&s".utf8)
            case UInt8(ascii: ":"): result.append(contentsOf: "&c".utf8)
            case UInt8(ascii: "/"): result.append(UInt8(ascii: "%"))
            default: result.append(byte)
            }
        }
        return result
    }

    /// Length of `fileName` in bytes, without making it.
    var fileNameLength: Int {
        bytes.reduce(bytes.count) { count, byte in
            switch byte {
            case UInt8(ascii: "&"), UInt8(ascii: "%"), UInt8(ascii: ":"): count + 1
            default: count
            }
        }
    }

    /// The key whose file name this is; the file name of the result may differ, where the given one was not canonical.
    ///
    /// Never use it on what a client sends: a key that is itself spelled with `&c` is another key (spec 01 §1.3).
    public init(fileName: some Collection<UInt8>) throws(KeyError) {
        var result: [UInt8] = []
        var isEscaped = false
        for byte in fileName {
            if isEscaped {
                isEscaped = false
                switch byte {
                case UInt8(ascii: "a"): result.append(UInt8(ascii: "&"))
                case UInt8(ascii: "s"): result.append(UInt8(ascii: "%"))
                case UInt8(ascii: "c"): result.append(UInt8(ascii: ":"))
                default: result.append(byte)
                }
            } else if byte == UInt8(ascii: "&") {
                isEscaped = true
            } else {
                result.append(byte == UInt8(ascii: "%") ? UInt8(ascii: "/") : byte)
            }
        }
        if isEscaped { throw .notAKey }
        try self.init(parsing: result[...])
    }
}
