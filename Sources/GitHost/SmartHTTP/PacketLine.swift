/// The framing of git's protocols: four hexadecimal digits of length, themselves included (gitprotocol-common(5)).
enum PacketLine {
    static let flush = Array("0000".utf8)
    /// The longest packet, its length digits included.
    static let longest = 65520

    static func encode(_ payload: [UInt8]) -> [UInt8] {
        let digits = String(payload.count + 4, radix: 16)
        return Array(repeating: UInt8(ascii: "0"), count: 4 - digits.utf8.count) + Array(digits.utf8) + payload
    }

    /// The length that four digits announce, or nil when they are no number.
    static func length(_ digits: ArraySlice<UInt8>) -> Int? {
        var length = 0
        for byte in digits {
            guard let digit = byte.hexadecimalDigit else { return nil }
            length = length << 4 | Int(digit)
        }
        return length
    }
}
