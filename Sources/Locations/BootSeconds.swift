import FileIO

/// A time on the clock that `gettimestamp` reads, in whole seconds (spec 01 §4.4).
public struct BootSeconds: Hashable, Sendable, Comparable {
    public var value: Int64

    public init(_ value: Int64) { self.value = value }

    public static var now: BootSeconds { BootSeconds(BootClock.seconds) }

    public static func < (left: BootSeconds, right: BootSeconds) -> Bool { left.value < right.value }
}
