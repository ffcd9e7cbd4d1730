/// What a `Range` header asks for (RFC 9110 §14.2); only single ranges of bytes are served.
enum ByteRange: Hashable {
    /// Not a range that we serve; the whole content is the answer.
    case ignored
    case unsatisfiable
    case bytes(first: UInt64, count: UInt64)

    /// - Parameter size: of the content, in bytes.
    init(_ header: String, of size: UInt64) {
        self = .ignored
        guard header.lowercased().hasPrefix("bytes="), !header.contains(",") else { return }
        let spec = header.dropFirst("bytes=".count)
        guard let dash = spec.firstIndex(of: "-") else { return }
        let firstText = spec[..<dash].trimmingSpaces
        let lastText = spec[spec.index(after: dash)...].trimmingSpaces
        if firstText.isEmpty {
            guard let suffix = Self.number(lastText) else { return }
            self =
                suffix == 0 || size == 0
                ? .unsatisfiable : .bytes(first: size - min(suffix, size), count: min(suffix, size))
            return
        }
        guard let first = Self.number(firstText) else { return }
        let last = lastText.isEmpty ? UInt64.max : Self.number(lastText)
        guard let last, last >= first else { return }
        self = first >= size ? .unsatisfiable : .bytes(first: first, count: min(last, size - 1) - first + 1)
    }

    /// Digits only; numbers too large for 64 bits count as the largest.
    private static func number(_ text: Substring) -> UInt64? {
        guard !text.isEmpty, text.utf8.allSatisfy({ (48...57).contains($0) }) else { return nil }
        return UInt64(text) ?? .max
    }
}

extension Substring {
    fileprivate var trimmingSpaces: Substring {
        var text = self
        while text.first == " " { text.removeFirst() }
        while text.last == " " { text.removeLast() }
        return text
    }
}
