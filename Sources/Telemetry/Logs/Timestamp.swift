import Glibc

/// A moment of the wall clock, printed in UTC with milliseconds: `2026-11-23T12:31:02.042Z`.
public struct Timestamp: Sendable, Equatable, CustomStringConvertible {
    /// Whole seconds since 1970-01-01T00:00:00Z.
    public let seconds: Int

    /// 0 to 999,999,999 more nanoseconds.
    public let nanoseconds: Int

    public init(seconds: Int, nanoseconds: Int = 0) {
        self.seconds = seconds
        self.nanoseconds = nanoseconds
    }

    /// The moment of the call.
    public static func now() -> Timestamp {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return Timestamp(seconds: time.tv_sec, nanoseconds: time.tv_nsec)
    }

    public var description: String {
        var parts = tm()
        var time = time_t(seconds)
        gmtime_r(&time, &parts)
        var text = Array(String(parts.tm_year + 1900).utf8)
        text.reserveCapacity(24)
        for (separator, number) in [
            ("-", parts.tm_mon + 1), ("-", parts.tm_mday), ("T", parts.tm_hour), (":", parts.tm_min),
            (":", parts.tm_sec),
        ] as [(Unicode.Scalar, Int32)] {
            text.append(UInt8(ascii: separator))
            text.append(UInt8(ascii: "0") + UInt8(number / 10))
            text.append(UInt8(ascii: "0") + UInt8(number % 10))
        }
        let milliseconds = nanoseconds / 1_000_000
        text.append(UInt8(ascii: "."))
        for divisor in [100, 10, 1] { text.append(UInt8(ascii: "0") + UInt8(milliseconds / divisor % 10)) }
        text.append(UInt8(ascii: "Z"))
        return String(decoding: text, as: UTF8.self)
    }
}
