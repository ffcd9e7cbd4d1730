/// A lock on the content of a key, held until released.
public protocol HeldLock: Sendable {
    /// Ends the lock now; the content may be removed.
    func release() async

    /// Keeps the content protected until `deadline` (seconds since 1970), or for as long from now on as a lock at its
    /// place can last, even when this process dies now. Returns whether it is.
    func extend(protectedUntil deadline: Int64) async -> Bool

    /// Gives up the lock's resources, leaving the content protected until `deadline` (seconds since 1970).
    func detach(protectedUntil deadline: Int64) async
}
