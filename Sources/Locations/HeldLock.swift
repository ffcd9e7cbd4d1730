import FileIO

/// A lock on the content of a key, held until released.
public protocol HeldLock: Sendable {
    /// Ends the lock now; the content may be removed.
    func release() async

    /// Keeps the content protected until `deadline` (seconds since 1970), or for as long from now on as a lock at its
    /// place can last, even when this process dies now. Answers whether it is.
    func extend(protectedUntil deadline: Int64) async -> Bool

    /// Gives up the lock's resources, leaving the content protected until `deadline` (seconds since 1970).
    func detach(protectedUntil deadline: Int64) async
}

/// A time on the clock that `gettimestamp` reads, in whole seconds (spec 01 §4.4).
public struct BootSeconds: Hashable, Sendable, Comparable {
    public var value: Int64

    public init(_ value: Int64) { self.value = value }

    public static var now: BootSeconds { BootSeconds(BootClock.seconds) }

    public static func < (left: BootSeconds, right: BootSeconds) -> Bool { left.value < right.value }
}
