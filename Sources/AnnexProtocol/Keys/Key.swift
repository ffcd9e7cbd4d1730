/// A git-annex key: the name of a piece of content (spec 01 §1).
///
/// Keys are bytes, not text; the canonical serialisation decides equality.
public struct Key: Hashable, Sendable {
    /// The canonical serialisation: numbers without leading zeros.
    public let bytes: [UInt8]
    /// The backend name, for example `SHA256E`.
    public let backend: Backend
    /// Size of the whole content in bytes, where the key tells it.
    public let size: UInt64?
    /// Modification time in seconds; only WORM keys have one.
    public let mtime: Int64?
    /// Which part of the content the key names, where it names one.
    public let chunk: Chunk?
    private let nameStart: Int

    /// The part of the content that a chunk key names; numbered from 1.
    public struct Chunk: Hashable, Sendable {
        /// Size of every chunk but the last, in bytes.
        public var size: UInt64?
        public var number: UInt64?
    }

    /// The longest file name that Linux file systems store, in bytes.
    public static let maximumFileNameLength = 255

    public init(parsing text: some Collection<UInt8>) throws(KeyError) {
        try self.init(parsing: Array(text)[...])
    }

    public init(parsing text: String) throws(KeyError) { try self.init(parsing: Array(text.utf8)[...]) }

    /// Parses strictly: the fields s, m, S, C in that order, each at most once, digits only (spec 01 §1.1).
    ///
    /// Keys that hold NUL, LF or CR, or whose file name is longer than 255 bytes, are refused: they cannot be stored.
    public init(parsing text: ArraySlice<UInt8>) throws(KeyError) {
        if text.contains(where: { $0 == 0 || $0 == 10 || $0 == 13 }) { throw .forbiddenByte }
        guard let dash = text.firstIndex(of: Self.dash), dash > text.startIndex else { throw .notAKey }
        let backend = Backend(name: Array(text[..<dash]))
        var rest = text[dash...]
        size = try Self.takeField(UInt8(ascii: "s"), from: &rest).map { digits throws(KeyError) in
            try Self.number(digits)
        }
        mtime = try Self.takeField(UInt8(ascii: "m"), from: &rest).map { digits throws(KeyError) in
            try Self.wrapping(digits)
        }
        let chunkSize = try Self.takeField(UInt8(ascii: "S"), from: &rest).map { digits throws(KeyError) in
            try Self.number(digits)
        }
        let chunkNumber = try Self.takeField(UInt8(ascii: "C"), from: &rest).map { digits throws(KeyError) in
            try Self.number(digits)
        }
        // Whatever follows must be the name: an unknown, repeated or misplaced field makes it no key at all.
        guard rest.count >= 2, rest[rest.startIndex] == Self.dash, rest[rest.startIndex + 1] == Self.dash else {
            throw .notAKey
        }
        let name = rest.dropFirst(2)
        if backend.limitsExtension, let dot = name.firstIndex(of: UInt8(ascii: ".")),
            name.endIndex - dot > Backend.maximumExtensionLength
        {
            throw .extensionTooLong
        }
        chunk = chunkSize == nil && chunkNumber == nil ? nil : Chunk(size: chunkSize, number: chunkNumber)

        var bytes = backend.name
        bytes.reserveCapacity(text.count)
        Self.append(size: size, mtime: mtime, to: &bytes)
        if let chunkSize { bytes.append(contentsOf: "-S\(chunkSize)".utf8) }
        if let chunkNumber { bytes.append(contentsOf: "-C\(chunkNumber)".utf8) }
        bytes.append(Self.dash)
        bytes.append(Self.dash)
        nameStart = bytes.count
        bytes.append(contentsOf: name)
        self.bytes = bytes
        self.backend = backend
        if fileNameLength > Self.maximumFileNameLength { throw .nameTooLong }
    }

    /// What follows `--`: a digest, or whatever the backend uses.
    public var name: ArraySlice<UInt8> { bytes[nameStart...] }

    /// The serialisation without the chunk fields, from which hash directories are computed (spec 01 §2).
    public var bytesWithoutChunk: [UInt8] {
        guard chunk != nil else { return bytes }
        var result = backend.name
        Self.append(size: size, mtime: mtime, to: &result)
        return result + [Self.dash, Self.dash] + name
    }

    private static let dash = UInt8(ascii: "-")

    /// The digits of the field with this letter, without leading zeros, where it comes next; nil where it does not.
    private static func takeField(_ letter: UInt8, from rest: inout ArraySlice<UInt8>) throws(KeyError) -> ArraySlice<
        UInt8
    >? {
        guard rest.count >= 2, rest[rest.startIndex] == dash, rest[rest.startIndex + 1] == letter else { return nil }
        let digits = rest.dropFirst(2).prefix { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
        guard !digits.isEmpty else { throw .notAKey }
        rest = rest[digits.endIndex...]
        return digits.drop { $0 == UInt8(ascii: "0") }
    }

    private static func append(size: UInt64?, mtime: Int64?, to bytes: inout [UInt8]) {
        if let size { bytes.append(contentsOf: "-s\(size)".utf8) }
        if let mtime { bytes.append(contentsOf: "-m\(mtime)".utf8) }
    }

    /// Sizes above 2^63-1 are refused: no file has them, and they would overflow file offsets.
    private static func number(_ digits: ArraySlice<UInt8>) throws(KeyError) -> UInt64 {
        var value: UInt64 = 0
        for digit in digits {
            // Both steps are looked at: 2^64 must not come out as 0.
            let (product, isTooLarge) = value.multipliedReportingOverflow(by: 10)
            let (sum, isAboveAll) = product.addingReportingOverflow(UInt64(digit - 48))
            if isTooLarge || isAboveAll || sum > UInt64(Int64.max) { throw .numberTooLarge }
            value = sum
        }
        return value
    }

    /// The stock program wraps an mtime to 64 bits (spec 01 §1.1).
    ///
    /// Where that gives a negative number, the key would be written with a sign that no parser takes back; it is
    /// refused.
    private static func wrapping(_ digits: ArraySlice<UInt8>) throws(KeyError) -> Int64 {
        let value = digits.reduce(Int64(0)) { $0 &* 10 &+ Int64($1 - 48) }
        if value < 0 { throw .numberTooLarge }
        return value
    }

    public static func == (left: Key, right: Key) -> Bool { left.bytes == right.bytes }

    public func hash(into hasher: inout Hasher) { hasher.combine(bytes) }
}

extension Key: CustomStringConvertible {
    /// For people and logs; bytes that are not UTF-8 are repaired.
    public var description: String { String(decoding: bytes, as: UTF8.self) }
}

/// Why bytes are not a key that annexd accepts.
public enum KeyError: Error, Hashable, Sendable {
    case notAKey, forbiddenByte, extensionTooLong, nameTooLong, numberTooLarge
}
