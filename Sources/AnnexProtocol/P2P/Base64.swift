/// Base64 (RFC 4648) in the alphabets that git-annex meets (spec 01 §6.1, §6.8).
enum Base64 {
    /// Which characters stand for 62 and 63.
    enum Alphabet {
        /// `-` and `_` only.
        case url
        /// These, and the standard `+` and `/`.
        case either
    }

    /// The bytes that the text stands for; padding is optional, but right where given. Nil for anything else.
    static func decode(_ text: some Collection<UInt8>, alphabet: Alphabet) -> [UInt8]? {
        var result: [UInt8] = []
        result.reserveCapacity(text.count / 4 * 3)
        var bits: UInt32 = 0
        var digits = 0
        var padding = 0
        for byte in text {
            if byte == UInt8(ascii: "=") {
                padding += 1
                continue
            }
            guard padding == 0, let value = value(of: byte, alphabet) else { return nil }
            bits = bits << 6 | value
            digits += 1
            if digits % 4 == 0 {
                result.append(UInt8(truncatingIfNeeded: bits >> 16))
                result.append(UInt8(truncatingIfNeeded: bits >> 8))
                result.append(UInt8(truncatingIfNeeded: bits))
                bits = 0
            }
        }
        guard padding == 0 || digits % 4 + padding == 4 else { return nil }
        // Bits that belong to no byte must be zero, so that each value has one spelling.
        switch digits % 4 {
        case 0: break
        case 2 where bits & 0xf == 0: result.append(UInt8(bits >> 4))
        case 3 where bits & 0x3 == 0: result.append(contentsOf: [UInt8(bits >> 10), UInt8(bits >> 2 & 0xff)])
        default: return nil
        }
        return result
    }

    /// The bytes in base64url, with padding, which the stock program requires.
    static func encodeURL(_ bytes: some Collection<UInt8>) -> [UInt8] {
        let digits = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".utf8)
        var result: [UInt8] = []
        var rest = Array(bytes)[...]
        while !rest.isEmpty {
            let group = rest.prefix(3)
            rest = rest.dropFirst(3)
            var bits: UInt32 = 0
            for byte in group { bits = bits << 8 | UInt32(byte) }
            bits <<= 8 * UInt32(3 - group.count)
            for place in 0..<4 {
                let isPadding = place > group.count
                result.append(isPadding ? UInt8(ascii: "=") : digits[Int(bits >> (18 - 6 * UInt32(place)) & 63)])
            }
        }
        return result
    }

    private static func value(of byte: UInt8, _ alphabet: Alphabet) -> UInt32? {
        switch byte {
        case UInt8(ascii: "A")...UInt8(ascii: "Z"): UInt32(byte - UInt8(ascii: "A"))
        case UInt8(ascii: "a")...UInt8(ascii: "z"): UInt32(byte - UInt8(ascii: "a")) + 26
        case UInt8(ascii: "0")...UInt8(ascii: "9"): UInt32(byte - UInt8(ascii: "0")) + 52
        case UInt8(ascii: "-"): 62
        case UInt8(ascii: "_"): 63
        case UInt8(ascii: "+") where alphabet == .either: 62
        case UInt8(ascii: "/") where alphabet == .either: 63
        default: nil
        }
    }
}
