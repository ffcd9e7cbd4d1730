/// How quickly a body must come that is small by nature: what git asks for, and the commands of a push.
///
/// Attack: a body that sends a byte now and then keeps its connection, a git process and a place for it for as long as
/// it likes, although every wait for the next byte is bounded.
public struct GitPace: Sendable, Hashable {
    /// How long the client may be waited for, all waits together.
    public var grace = Duration.seconds(30)
    /// Each of so many bytes adds a second to that.
    public var bytesPerSecond = 1024

    public init() {}

    /// How long the client may have been waited for when so many bytes have come.
    func allowance(_ bytes: Int) -> Duration { grace + .milliseconds(bytes * 1000 / bytesPerSecond) }
}
