internal import FileIO
internal import Glibc

/// A point of wall-clock time, as `.rtm` files and transfer info files have it (spec 01 §3.4).
public struct RetentionTime: Sendable, Hashable, Comparable {
    /// Seconds since 1970.
    public var seconds: Int64
    public var nanoseconds: Int64

    public init(seconds: Int64, nanoseconds: Int64 = 0) {
        self.seconds = seconds
        self.nanoseconds = nanoseconds
    }

    /// The wall-clock time of this machine.
    public static var now: RetentionTime {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return RetentionTime(seconds: Int64(time.tv_sec), nanoseconds: Int64(time.tv_nsec))
    }

    public static func < (left: RetentionTime, right: RetentionTime) -> Bool {
        (left.seconds, left.nanoseconds) < (right.seconds, right.nanoseconds)
    }

    public func adding(seconds more: Int64) -> RetentionTime {
        RetentionTime(seconds: seconds.addingSaturating(more), nanoseconds: nanoseconds)
    }

    /// Decimal seconds with a fraction where there is one, and a trailing `s`: `1795333259.411606589s`.
    var bytes: [UInt8] {
        guard nanoseconds > 0 else { return Array("\(seconds)s".utf8) }
        let digits = String(nanoseconds)
        var fraction = String(repeating: "0", count: 9 - digits.count) + digits
        while fraction.hasSuffix("0") { fraction.removeLast() }
        return Array("\(seconds).\(fraction)s".utf8)
    }

    /// Parses decimal seconds with optional fraction and optional trailing `s`; nil for anything else.
    init?(parsing text: some Collection<UInt8>) {
        var rest = Array(text)[...]
        while let last = rest.last, last == 10 || last == 13 || last == 32 { rest.removeLast() }
        if rest.last == UInt8(ascii: "s") { rest.removeLast() }
        let whole = rest.prefix { (48...57).contains($0) }
        guard !whole.isEmpty else { return nil }
        rest = rest[whole.endIndex...]
        var fraction: ArraySlice<UInt8> = []
        if rest.first == UInt8(ascii: ".") {
            fraction = rest.dropFirst()
            guard !fraction.isEmpty, fraction.allSatisfy({ (48...57).contains($0) }) else { return nil }
            rest = []
        }
        guard rest.isEmpty else { return nil }
        // A time too large for 64 bits is further away than any clock of ours will be.
        seconds = Int64(String(decoding: whole, as: UTF8.self)) ?? .max
        let nine = fraction.prefix(9) + Array(repeating: 48, count: max(0, 9 - fraction.count))
        nanoseconds = nine.reduce(0) { $0 * 10 + Int64($1 - 48) }
    }
}
