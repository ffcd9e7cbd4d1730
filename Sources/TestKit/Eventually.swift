import Foundation

/// Polls `condition` until it holds and returns true, or returns false when `seconds` have passed.
///
/// The bound is generous by design: it only decides how long a broken run takes to fail.
public func eventually(within seconds: Double = 20, _ condition: () throws -> Bool) rethrows -> Bool {
    let start = monotonicSeconds()
    var pause: UInt32 = 5_000
    while true {
        if try condition() { return true }
        if monotonicSeconds() - start > seconds { return false }
        usleep(pause)
        pause = min(pause * 2, 100_000)
    }
}

/// Seconds of a clock that only moves forward.
func monotonicSeconds() -> Double {
    ProcessInfo.processInfo.systemUptime
}

/// Whole seconds of CLOCK_BOOTTIME, which spec 01 §4.4 makes the clock of `gettimestamp`.
public func bootSeconds() -> Int {
    var time = timespec()
    clock_gettime(clockid_t(CLOCK_BOOTTIME), &time)
    return Int(time.tv_sec)
}

/// Whole seconds of wall-clock POSIX time.
public func wallSeconds() -> Int {
    Int(Date().timeIntervalSince1970)
}
