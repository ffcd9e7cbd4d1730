import Foundation

/// Polls `condition` until it holds and returns true, or returns false when `seconds` have passed.
///
/// The bound is generous by design: it only decides how long a broken run takes to fail.
public func eventually(within seconds: Double = 120, _ condition: () throws -> Bool) rethrows -> Bool {
    try timeUntil(within: seconds, condition) != nil
}

/// Polls `condition` until it holds and returns how many seconds that took, or nil when `seconds` have passed.
public func timeUntil(within seconds: Double, _ condition: () throws -> Bool) rethrows -> Double? {
    let start = monotonicSeconds()
    var pause: UInt32 = 5_000
    while true {
        if try condition() { return monotonicSeconds() - start }
        if monotonicSeconds() - start > seconds { return nil }
        usleep(pause)
        pause = min(pause * 2, 100_000)
    }
}

/// How many seconds after the last client has left a server must be as it was before.
///
/// Two are promised, on a machine that does nothing else, and `make storm` asks for them with
/// ANNEXD_TEST_QUIET_SECONDS. Where a test shares the machine with others this bound only decides how long a broken run
/// takes to fail.
public var secondsUntilQuiet: Double {
    ProcessInfo.processInfo.environment["ANNEXD_TEST_QUIET_SECONDS"].flatMap(Double.init) ?? 30
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

/// Waits until `condition` holds; throws a ``TestKitError`` that names what was waited for when `limit` has passed.
///
/// The limit is generous by design: it only decides how long a broken run takes to fail.
public func wait(
    for what: String, within limit: Duration = .seconds(120), until condition: () async throws -> Bool
) async throws {
    let end = ContinuousClock.now + limit
    while try await !condition() {
        guard ContinuousClock.now < end else { throw TestKitError(.timeout, "waited \(limit) in vain for \(what)") }
        try await Task.sleep(for: .milliseconds(2))
    }
}
