/// The clock of a branch line: an exact count of picoseconds since the epoch (spec 02 §1.3).
public struct BranchTimestamp: Hashable, Sendable, Comparable {
    public let picoseconds: Int128

    public init(picoseconds: Int128) { self.picoseconds = picoseconds }

    /// A whole number of seconds.
    public init(seconds: Int64) { picoseconds = Int128(seconds) * Self.perSecond }

    /// Parses `[+-]? DIGIT+ ('.' DIGIT+)? 's'?`; nil for anything else.
    ///
    /// Digits after the twelfth of the fraction are dropped. More than 24 digits before the point are refused, since
    /// they would not fit; no clock has them.
    public init?(parsing text: ArraySlice<UInt8>) {
        var rest = text
        var isNegative = false
        if let sign = rest.first, sign == UInt8(ascii: "+") || sign == UInt8(ascii: "-") {
            isNegative = sign == UInt8(ascii: "-")
            rest = rest.dropFirst()
        }
        let whole = rest.prefix(while: Self.isDigit)
        guard !whole.isEmpty else { return nil }
        rest = rest[whole.endIndex...]
        var fraction: ArraySlice<UInt8> = []
        if rest.first == UInt8(ascii: ".") {
            fraction = rest.dropFirst().prefix(while: Self.isDigit)
            guard !fraction.isEmpty else { return nil }
            rest = rest[fraction.endIndex...]
        }
        if rest.first == UInt8(ascii: "s") { rest = rest.dropFirst() }
        let digits = whole.drop { $0 == UInt8(ascii: "0") }
        guard rest.isEmpty, digits.count <= Self.maximumDigits else { return nil }

        var value = digits.reduce(Int128(0)) { $0 * 10 + Int128($1 - 48) }
        for index in 0..<Self.fractionDigits {
            let digit = index < fraction.count ? fraction[fraction.startIndex + index] - 48 : 0
            value = value * 10 + Int128(digit)
        }
        picoseconds = isNegative ? -value : value
    }

    /// The shortest decimal form followed by `s`, for example `200.5s`.
    public var serialized: [UInt8] {
        let magnitude = picoseconds.magnitude
        var text = picoseconds < 0 ? "-" : ""
        text += String(magnitude / UInt128(Self.perSecond))
        var fraction = magnitude % UInt128(Self.perSecond)
        if fraction != 0 {
            var width = Self.fractionDigits
            while fraction % 10 == 0 {
                fraction /= 10
                width -= 1
            }
            let digits = String(fraction)
            text += "." + String(repeating: "0", count: width - digits.count) + digits
        }
        return Array((text + "s").utf8)
    }

    /// The clock of a new line: `candidate`, or one second after `previous` where that is not older.
    public static func next(candidate: BranchTimestamp, after previous: BranchTimestamp?) -> BranchTimestamp {
        guard let previous, previous >= candidate else { return candidate }
        return previous.advanced(by: perSecond)
    }

    /// The smallest step later.
    var successor: BranchTimestamp { advanced(by: 1) }

    /// A later clock, but none that could not be read back.
    ///
    /// Attack: a pushed line with the last clock there is would make ours, a second later, one that no reader takes:
    /// what we record about that file would be lost. With the same clock it stands in the place of the other line.
    private func advanced(by step: Int128) -> BranchTimestamp {
        BranchTimestamp(picoseconds: min(picoseconds + step, max(picoseconds, Self.latest)))
    }

    private static let latest = (0..<maximumDigits).reduce(perSecond) { power, _ in power * 10 } - 1

    public static func < (left: BranchTimestamp, right: BranchTimestamp) -> Bool {
        left.picoseconds < right.picoseconds
    }

    private static let perSecond: Int128 = 1_000_000_000_000
    private static let fractionDigits = 12
    private static let maximumDigits = 24

    private static func isDigit(_ byte: UInt8) -> Bool { (48...57).contains(byte) }
}

extension BranchTimestamp: CustomStringConvertible {
    public var description: String { String(decoding: serialized, as: UTF8.self) }
}
