internal import Glibc

/// Sizes of data as people write them in git-annex configuration, and as they read them (spec 02 §4.5, §6.5).
public enum DataSize {
    /// Bytes for text such as `100MB`, `1.5 gib`, `20`; nil when it is not a size.
    ///
    /// Rounds half to even. Sizes beyond 64 bits are cut to the largest.
    public static func parse(_ text: String) -> Int64? {
        let bytes = Array(text.utf8)
        var rest = bytes.drop(while: isSpace)
        while let last = rest.last, isSpace(last) { rest.removeLast() }
        let isNegative = rest.first == UInt8(ascii: "-")
        if isNegative { rest = rest.dropFirst() }

        let start = rest.startIndex
        let whole = rest.prefix(while: isDigit)
        guard !whole.isEmpty else { return nil }
        rest = rest[whole.endIndex...]
        if rest.first == UInt8(ascii: ".") {
            let fraction = rest.dropFirst().prefix(while: isDigit)
            guard !fraction.isEmpty else { return nil }
            rest = rest[fraction.endIndex...]
        }
        if let length = exponentLength(rest) { rest = rest.dropFirst(length) }
        let number = bytes[start..<rest.startIndex]
        let unit = String(decoding: rest.drop(while: isSpace), as: UTF8.self).lowercased()
        guard let factor = factor(of: unit) else { return nil }

        let magnitude: Int64
        if number.count == whole.count, let exact = Int64(String(decoding: whole, as: UTF8.self)),
            let exactFactor = Int64(exactly: factor)
        {
            let (product, overflow) = exact.multipliedReportingOverflow(by: exactFactor)
            magnitude = overflow ? .max : product
        } else {
            guard let value = Double(String(decoding: number, as: UTF8.self)) else { return nil }
            let product = (value * factor).rounded(.toNearestOrEven)
            magnitude = product >= Double(Int64.max) ? .max : Int64(product)
        }
        return isNegative ? -magnitude : magnitude
    }

    /// A size for people, in decimal units with up to two digits after the point: `18.6 MB`.
    public static func describe(_ bytes: UInt64) -> String {
        if bytes == 1 { return "1 byte" }
        if bytes < 1000 { return "\(bytes) bytes" }
        var unit = 0
        var divisor = UInt64(1000)
        while unit < decimalNames.count - 1, bytes / divisor >= 1000 {
            unit += 1
            divisor *= 1000
        }
        // Rounded up in hundredths: who frees what this says has freed enough.
        var hundredths = bytes / divisor * 100
        let part = bytes % divisor
        hundredths += (part + divisor / 100 - 1) / (divisor / 100)
        var text = "\(hundredths / 100)"
        let fraction = hundredths % 100
        if fraction != 0 {
            text += fraction % 10 == 0 ? ".\(fraction / 10)" : fraction < 10 ? ".0\(fraction)" : ".\(fraction)"
        }
        return "\(text) \(decimalNames[unit])"
    }

    private static let decimalNames = ["kB", "MB", "GB", "TB", "PB", "EB"]
    private static let decimal = [
        "kilo", "mega", "giga", "tera", "peta", "exa", "zetta", "yotta", "ronna", "quetta",
    ]
    private static let binary = ["kibi", "mebi", "gibi", "tebi", "pebi", "exbi", "zebi", "yobi"]

    /// Bytes in one unit, given in lower case; the names of section 4.5 in their order.
    private static func factor(of unit: String) -> Double? {
        if ["", "b", "byte", "bytes"].contains(unit) { return 1 }
        for (index, name) in decimal.enumerated() {
            let letter = String(name.prefix(1))
            if matches(unit, abbreviation: letter + "b", name: name + "byte") { return pow(1000, Double(index + 1)) }
        }
        for (index, name) in binary.enumerated() {
            let letters = String(name.prefix(1)) + "i"
            if matches(unit, abbreviation: letters + "b", name: name + "byte") { return pow(1024, Double(index + 1)) }
        }
        for (index, name) in decimal.prefix(8).enumerated() {
            let letter = String(name.prefix(1))
            if [letter + "bit", name + "bit", name + "bits"].contains(unit) {
                return (pow(1000, Double(index + 1)) / 8).rounded(.down)
            }
        }
        return nil
    }

    private static func matches(_ unit: String, abbreviation: String, name: String) -> Bool {
        unit == abbreviation || unit == name || unit == name + "s" || unit == String(abbreviation.dropLast())
    }

    /// The length of an exponent such as `e3` or `E-2` at the start; `EB` is a unit and not one.
    private static func exponentLength(_ text: ArraySlice<UInt8>) -> Int? {
        guard let first = text.first, first == UInt8(ascii: "e") || first == UInt8(ascii: "E") else { return nil }
        var length = 1
        if let sign = text.dropFirst().first, sign == UInt8(ascii: "-") || sign == UInt8(ascii: "+") { length = 2 }
        let digits = text.dropFirst(length).prefix(while: isDigit).count
        return digits == 0 ? nil : length + digits
    }

    private static func isDigit(_ byte: UInt8) -> Bool { (48...57).contains(byte) }
    private static func isSpace(_ byte: UInt8) -> Bool { byte == 32 || (9...13).contains(byte) }
}
